"""Whole turns with a model that rewrites and answers, over real HTTP."""

from collections.abc import Iterator

import pytest

from faqchat import rewriting
from faqchat.adapters.openai_chat import OpenAIChat
from faqchat.rewriting import Rewriter
from tests.fakes import World
from tests.scripted_openai import ScriptedOpenAI, answer, hang

FIRST, LEANS = "정산은 언제 되나요", "그럼 어디서 확인하나요"
QUESTION = "정산 내역은 어디서 확인하나요?"
ANSWER = "구매확정 다음 영업일에 정산됩니다. [1]"


@pytest.fixture
def server() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as running:
        yield running


@pytest.fixture
async def world(server):
    model = OpenAIChat(model="scripted", base_url=server.base_url, api_key="", timeout_s=2.0, max_tokens=300)
    yield await World(model, rewriter=Rewriter(model)).ingested()
    await model.aclose()


async def second_turn(world, server, rewrite):
    """`Done` of a turn that leans on the one before, and the turn as it was stored."""
    server.chat.extend([answer(ANSWER), rewrite, answer(ANSWER)])
    start, *_ = await world.ask(FIRST)
    *_, done = await world.ask(LEANS, session_id=start.session_id)
    return done, (await world.history.recent(start.session_id, 1))[0]


async def test_a_message_that_leans_on_the_past_is_rewritten_first_and_both_calls_are_billed(world, server):
    done, turn = await second_turn(world, server, answer(*QUESTION))
    first, rewrite, last = (body["messages"] for body in server.asked)
    assert "<자료" in first[-1]["content"]
    assert f"판매자: {FIRST}\n챗봇: 구매확정 다음 영업일에 정산됩니다." in rewrite[-1]["content"]
    assert QUESTION not in last[-1]["content"]
    assert (turn.query, turn.model, done.degraded) == (QUESTION, "scripted", ())
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (1_800, 80)
    assert done.timings_ms["rewrite"] < done.timings_ms["search"]


async def test_a_model_that_is_late_is_hung_up_on_and_still_answers(world, server, monkeypatch):
    monkeypatch.setattr(rewriting, "TIMEOUT_S", 0.3)
    done, turn = await second_turn(world, server, answer("정산 ", hang()))
    assert server.exchanges[1].client_left.wait(5)
    assert (turn.query, turn.outcome, done.degraded) == (f"{FIRST} {LEANS}", "answered", ("rewrite",))
    assert done.usage.prompt_tokens == 900
