"""The chat adapter against a scripted OpenAI-compatible server, over real HTTP."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import anyio
import pytest

from faqchat.adapters.openai_chat import OpenAIChat
from faqchat.errors import Busy, Unavailable
from faqchat.events import Usage
from faqchat.faq import Entry
from faqchat.prompt import CUT_NOTICE, Brief
from tests.scripted_openai import (
    Reply,
    ScriptedOpenAI,
    Stream,
    answer,
    event,
    failure,
    hang,
    pause,
    raw,
    reset,
    text,
    thought,
    truncate,
    until,
)

BRIEF = Brief(
    question="미성년자도 판매할 수 있나요?",
    query="미성년자도 판매할 수 있나요?",
    entries=(Entry(faq_id="0" * 12, question="미성년자 가입", answer="만 14세부터 가능합니다.", content_hash="x"),),
)
TIMEOUT_S = 0.4


@pytest.fixture
def server() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as running:
        yield running


@pytest.fixture
async def chat(server: ScriptedOpenAI) -> AsyncIterator[OpenAIChat]:
    adapter = new_chat(server)
    yield adapter
    await adapter.aclose()


def new_chat(server: ScriptedOpenAI, **changes) -> OpenAIChat:
    arguments = {"model": "scripted", "base_url": server.base_url, "api_key": "", "timeout_s": TIMEOUT_S}
    return OpenAIChat(**{**arguments, "max_tokens": 100, **changes})


async def collect(chat: OpenAIChat) -> tuple[str, Usage]:
    *pieces, usage = [piece async for piece in chat.generate(BRIEF)]
    assert isinstance(usage, Usage)
    return "".join(pieces), usage


async def collect_failure(chat: OpenAIChat, error: type[Exception]) -> list[str]:
    """What was said before the failure."""
    pieces = []

    async def listen() -> None:
        async for piece in chat.generate(BRIEF):
            pieces.append(piece)  # noqa: PERF401 - a comprehension would lose them with the failure

    with pytest.raises(error):
        await listen()
    return pieces


async def soon(happened: threading.Event, seconds: float = 1.0) -> bool:
    return await asyncio.to_thread(happened.wait, seconds)


async def test_an_answer_streams_and_ends_with_its_usage(server, chat):
    server.chat.append(answer("네, ", "가능합니다. [1]"))
    pieces = [piece async for piece in chat.generate(BRIEF)]
    assert pieces == ["네, ", "가능합니다. [1]", Usage(prompt_tokens=900, cached_tokens=512, completion_tokens=40)]


async def test_each_piece_arrives_before_the_server_produces_the_next(server, chat):
    gates = [threading.Event() for _ in range(3)]
    server.chat.append(answer("하나", until(gates[0]), "둘", until(gates[1]), "<셋>", until(gates[2]), "넷"))
    received = []
    async for piece in chat.generate(BRIEF):
        if isinstance(piece, str):
            received.append(piece)
            gates[min(len(received), len(gates)) - 1].set()  # the server goes on only now
    assert received == ["하나", "둘", "<셋>", "넷"]


async def test_the_request_streams_with_usage_and_a_bounded_answer(server, chat):
    await collect(chat)
    (body,) = server.asked
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert body["max_completion_tokens"] == 100
    assert not {"max_tokens", "reasoning_effort", "temperature"} & body.keys()
    assert server.exchanges[0].headers["authorization"] == "Bearer unused"


async def test_reasoning_effort_is_sent_only_when_set(server):
    chat = new_chat(server, reasoning_effort="none", api_key="secret")
    await collect(chat)
    await chat.aclose()
    assert server.asked[0]["reasoning_effort"] == "none"
    assert server.exchanges[0].headers["authorization"] == "Bearer secret"


async def test_without_a_script_the_first_source_is_quoted(chat):
    said, _ = await collect(chat)
    assert "만 14세부터 가능합니다." in said
    assert "[1]" in said


async def test_the_connection_is_used_again(server, chat):
    await collect(chat)
    await collect(chat)
    assert len({exchange.connection for exchange in server.exchanges}) == 1


async def test_a_pooled_connection_that_the_server_resets_is_replaced_once(server, chat):
    await collect(chat)
    server.chat.append(Stream((reset(),)))
    said, _ = await collect(chat)
    assert said
    assert len(server.exchanges) == 3


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (failure(429, "rate_limit_exceeded", retry_after="30"), Busy),
        (failure(500), Unavailable),
        (failure(503), Unavailable),
        (failure(401, "invalid_api_key"), Unavailable),
        (failure(400, "context_length_exceeded"), Unavailable),
        (Stream((hang(),)), Unavailable),
        (Stream((raw(b": still here\n\n"), hang())), Unavailable),
        (answer(usage=None), Unavailable),
        (answer("  \n", finish="length"), Unavailable),
        (Stream((raw(b""),)), Unavailable),
        (Reply({"choices": [{"message": {"content": "not streamed"}}]}), Unavailable),
        (Reply("<html>please log in</html>"), Unavailable),
        (answer(raw(b'data: {"choices": [{"delta"\n\n')), Unavailable),
        (answer(raw(b'data: {"choices": "none"}\n\n')), Unavailable),
        (answer(raw(b"data: \xff\xfe\n\n")), Unavailable),
        (answer(event({"error": {"message": "slow down", "type": "tokens", "code": "rate_limit_exceeded"}})), Busy),
        (answer(event({"error": {"message": "overloaded", "code": 500}})), Unavailable),
        (answer(event({"error": "Request failed during generation"})), Unavailable),
        (answer(event({"object": "error", "message": "old vLLM"})), Unavailable),
        (answer("<think>only a thought</think>"), Unavailable),
        (answer("<think>a thought without an end", finish="length"), Unavailable),
        (answer(thought("reasoning took all tokens"), finish="length"), Unavailable),
        (answer(finish="content_filter"), Unavailable),
    ],
)
async def test_a_failure_before_the_first_piece_says_nothing(server, chat, reply, error):
    server.chat.append(reply)
    began = time.monotonic()
    assert await collect_failure(chat, error) == []
    assert time.monotonic() - began < TIMEOUT_S + 0.6
    assert len(server.exchanges) == 1  # the caller has a next model, so nothing is asked twice


@pytest.mark.parametrize(
    "then",
    [
        (reset(),),
        (truncate(),),
        (hang(),),
        (raw(b'data: {"choices": [{\n\n'),),
        (event({"error": {"message": "out of memory", "code": 500}}),),
        (thought("a"), pause(0.25), thought("b"), pause(0.25), thought("c")),
    ],
    ids=["reset", "truncated", "stall", "malformed", "error-object", "thinks-too-long"],
)
async def test_a_failure_after_the_first_piece_is_raised_after_it(server, chat, then):
    server.chat.append(answer("네, ", *then))
    assert await collect_failure(chat, Unavailable) == ["네, "]
    assert len(server.exchanges) == 1


async def test_a_filtered_answer_is_not_a_whole_one(server, chat):
    server.chat.append(answer("네, ", finish="content_filter"))
    assert await collect_failure(chat, Unavailable) == ["네, "]


async def test_nobody_listening_is_unavailable():
    chat = OpenAIChat(model="m", base_url="http://127.0.0.1:9/v1", api_key="", timeout_s=TIMEOUT_S, max_tokens=100)
    assert await collect_failure(chat, Unavailable) == []
    await chat.aclose()


async def test_a_slow_answer_may_take_longer_than_one_token(server, chat):
    server.chat.append(answer(*(step for word in "가나다라" for step in (pause(0.2), word))))
    said, _ = await collect(chat)
    assert said == "가나다라"


async def test_an_answer_cut_at_the_token_limit_says_so(server, chat):
    server.chat.append(answer("1. 판매자센터에", finish="length"))
    said, usage = await collect(chat)
    assert said == "1. 판매자센터에" + CUT_NOTICE
    assert usage.completion_tokens == 40


async def test_a_server_that_ignores_the_token_limit_is_stopped(server, chat):
    server.chat.append(answer(*["끝이 없습니다. "] * 200, hang()))
    said, _ = await collect(chat)
    assert len(said) < 100 * 8 + 20 + len(CUT_NOTICE)
    assert said.endswith(CUT_NOTICE)
    assert await soon(server.exchanges[0].client_left)


@pytest.mark.parametrize(
    "reply",
    [
        answer("네", usage=None),
        answer("네", usage={"prompt_tokens": None}),
        answer("네", usage=None, finish=None),
        answer("네", usage=None, done=False),
        Stream((text("네"), event({"choices": [{"delta": None, "finish_reason": "stop"}]}), reset())),
        answer("네", usage=None, done=False, finish="stop"),
    ],
    ids=["none", "null", "only-done", "only-finish", "reset-after-finish", "plain-end"],
)
async def test_a_whole_answer_without_usage_counts_zero(server, chat, reply):
    server.chat.append(reply)
    assert await collect(chat) == ("네", Usage())


async def test_a_server_that_never_reports_usage_is_not_waited_for(server, chat):
    hangs = Stream((text("네"), event({"choices": [{"delta": {}, "finish_reason": "stop"}]}), hang()))
    server.chat.append(hangs)
    server.chat.append(answer("네"))
    began = time.monotonic()
    assert await collect(chat) == ("네", Usage())
    assert time.monotonic() - began < 3


async def test_usage_in_every_chunk_counts_once(server, chat):
    growing = [event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": n}}) for n in (1, 2)]
    server.chat.append(answer("네", *growing, usage=None))
    assert await collect(chat) == ("네", Usage(prompt_tokens=9, completion_tokens=2))


@pytest.mark.parametrize(
    "pieces",
    [
        ("<think>음, 생각</think>\n\n네, 가능합니다."),
        ("<th", "ink>음", ", 생각</", "think", ">", "\n\n", "네, ", "가능합니다."),
        ("\n<think>", "\n\n", "</think>", "\n\n네, 가능합니다."),
        ("네, <think>a < b</think>", "가능합니다."),
        ("Okay, the user", " asks 미성년자", "</think>\n\n네, 가능", "합니다."),
        ("</think>", "네, 가능합니다."),
        (thought("The user…"), "네, ", thought("more"), "가능합니다."),
    ],
)
async def test_thoughts_never_reach_the_client(server, chat, pieces):
    server.chat.append(answer(*([pieces] if isinstance(pieces, str) else pieces)))
    said, _ = await collect(chat)
    assert said == "네, 가능합니다."


async def test_a_model_that_hides_its_opening_tag_is_known_after_one_answer(server, chat):
    """Nothing tells its first thought from an answer, so that one ends in an error; from then on they are held back."""
    server.chat.append(answer("판매자는 미성년자다.", "</think>", "네, 가능합니다."))
    assert await collect_failure(chat, Unavailable) == ["판매자는 미성년자다."]
    server.chat.append(answer("이번에도 생각.", "</think>", "네, ", "가능합니다."))
    assert [piece async for piece in chat.generate(BRIEF)][:-1] == ["네, ", "가능합니다."]
    server.chat.append(answer("생각이 ", "없어졌습니다."))
    assert [piece async for piece in chat.generate(BRIEF)][:-1] == ["생각이 없어졌습니다."]
    server.chat.append(answer("다시 ", "흐릅니다."))
    assert [piece async for piece in chat.generate(BRIEF)][:-1] == ["다시 ", "흐릅니다."]


async def test_cancelling_closes_the_connection_at_once(server, chat):
    server.chat.append(answer("네, ", hang()))
    spoke = asyncio.Event()

    async def listen() -> None:
        async for _ in chat.generate(BRIEF):
            spoke.set()

    task = asyncio.create_task(listen())
    await spoke.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await soon(server.exchanges[0].client_left)


async def test_cancelling_before_the_first_byte_closes_the_connection_at_once(server, chat):
    server.chat.append(Stream((hang(),)))
    task = asyncio.create_task(collect(chat))
    assert await soon(server.arrived)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await soon(server.exchanges[0].client_left)


async def test_a_cancelled_scope_closes_the_connection_too(server, chat):
    """Starlette cancels by anyio scopes, in which every await of a clean-up is cancelled again."""
    server.chat.append(answer("네, ", hang()))
    with anyio.CancelScope() as scope:
        async for _ in chat.generate(BRIEF):
            scope.cancel()
    assert scope.cancelled_caught
    assert await soon(server.exchanges[0].client_left)


async def test_closing_the_iterator_early_closes_the_connection(server, chat):
    server.chat.append(answer("네, ", hang()))
    async with aclosing(chat.generate(BRIEF)) as pieces:
        assert await anext(pieces) == "네, "
    assert await soon(server.exchanges[0].client_left)


async def test_many_answers_stream_side_by_side(server, chat):
    server.chat.extend([answer("네, ", pause(0.2), "가능합니다.")] * 20)
    began = time.monotonic()
    said = await asyncio.gather(*(collect(chat) for _ in range(20)))
    assert {words for words, _ in said} == {"네, 가능합니다."}
    assert time.monotonic() - began < 2


MESSAGES = [{"role": "user", "content": "다른 말로 물어 주세요."}]


async def test_what_is_written_comes_whole_with_its_usage_and_without_thoughts(server, chat):
    server.chat.append(answer("<think>배송비</think>\n배송비 ", "설정\n택배비는 어디서 정해요?"))
    said, usage = await chat.write(MESSAGES)
    assert said == "배송비 설정\n택배비는 어디서 정해요?"
    assert usage == Usage(prompt_tokens=900, cached_tokens=512, completion_tokens=40)
    assert server.asked[0]["messages"] == MESSAGES


async def test_of_what_was_cut_short_the_whole_lines_are_given(server, chat):
    server.chat.append(answer("배송비 설정\n택배비는 어", finish="length"))
    assert (await chat.write(MESSAGES))[0] == "배송비 설정"


async def test_a_writer_tries_again_what_failed_for_a_moment(server):
    writer = new_chat(server, timeout_s=5, retries=2)
    server.chat.extend([failure(429, retry_after="0.01"), failure(500, retry_after="0.01"), answer("배송비 설정")])
    assert (await writer.write(MESSAGES))[0] == "배송비 설정"
    assert len(server.exchanges) == 3
    server.chat.extend([failure(429, retry_after="0.01")] * 3)
    with pytest.raises(Busy):
        await writer.write(MESSAGES)
    await writer.aclose()
