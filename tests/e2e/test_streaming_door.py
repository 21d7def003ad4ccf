"""The streaming door with a model behind it: sentences go on at once, and whatever way it fails ends well."""

import threading
import time

import pytest

from faqchat.chat import GOES_ON
from tests.e2e.product import PATIENCE_S, id_of, until
from tests.scripted_openai import Stream, answer, failure, hang, pause, raw, reset, thought, truncate
from tests.scripted_openai import until as once

QUESTION = "반품 배송비는 누가 내나요?"
FROM_THE_FAQ = "구매자의 마음이 바뀐 반품은 구매자가"  # how the entry's own answer begins
FIRST, SECOND = "구매자의 사정이면 구매자가 냅니다. [1]", " 상품에 문제가 있으면 판매자가 냅니다. [1]"
TIMEOUT_S = 2.0  # what `model_chat` grants the model


@pytest.fixture
def gates():
    """Opened at the end at the latest, so that no script waits for ever."""
    gates = [threading.Event() for _ in range(4)]
    yield gates
    for gate in gates:
        gate.set()


def stored(chat, session_id):
    """The one turn of a conversation, once it is there: a turn that was cancelled is stored behind the scenes."""
    (turn,) = until(lambda: chat.turns(session_id))
    return turn


def test_the_first_event_arrives_before_the_last_is_produced(model_chat, model, gates):
    model.chat.append(answer(FIRST, SECOND[:3], once(gates[0]), SECOND[3:]))
    with model_chat.stream(QUESTION) as stream:
        seen = stream.until("delta")
        assert not model.exchanges[0].finished.is_set(), "the model is still at it"
        assert [event.name for event in seen] == ["start", "sources", "delta"]
        assert seen[-1].data["text"] == FIRST
        gates[0].set()
        rest = list(stream)

    assert [event.name for event in rest] == ["delta", "followups", "done"]
    assert rest[0].data["text"] == SECOND
    turn_id = seen[0].data["turn_id"]
    assert [event.id for event in [*seen, *rest]] == [f"{turn_id}:{n}" for n in range(6)]
    assert stream.response.headers["content-type"].startswith("text/event-stream")


def test_every_sentence_of_the_model_is_passed_on_before_the_next_one_is_written(model_chat, model, gates):
    lines = [
        FIRST,
        SECOND.strip(),
        "· 금액은 상품의 반품 배송비에 적은 값입니다. [1]",
        "· 반품관리에서 요청을 확인합니다. [2]",
    ]
    model.chat.append(
        answer(*(step for line, gate in zip(lines, gates, strict=True) for step in (f"{line}\n", once(gate))))
    )
    with model_chat.stream(QUESTION) as stream:
        for line, gate in zip(lines, gates, strict=True):
            assert stream.until("delta")[-1].data["text"].strip() == line
            gate.set()


def test_sources_arrive_before_the_model_has_said_a_word(model_chat, model, gates):
    model.chat.append(answer(once(gates[0]), FIRST))
    with model_chat.stream(QUESTION) as stream:
        sources = stream.until("sources")[-1].data["sources"]
        assert sources[0]["faq_id"] == id_of("반품 배송비")
        gates[0].set()
        assert stream.until("done")


def test_comment_lines_keep_a_silent_stream_alive(model_chat, model, gates):
    model.chat.append(answer(once(gates[0]), FIRST))
    with model_chat.stream(QUESTION) as stream:
        stream.until("sources")
        stream.await_comments(3)
        gates[0].set()
        assert stream.until("done")[0].data["text"] == FIRST


def test_one_seller_does_not_wait_for_the_answer_of_another(model_chat, model, gates):
    model.chat.append(answer(f"{FIRST}\n", once(gates[0]), SECOND))
    with model_chat.stream(QUESTION) as slow:
        slow.until("delta")
        model.chat.append(answer(SECOND.strip()))
        assert model_chat.ask(QUESTION).text == SECOND.strip()
        gates[0].set()
        assert slow.until("done")


def test_what_a_model_says_is_counted_priced_and_remembered(model_chat, model):
    model.chat.append(answer("구매자가 냅니다."))
    turn = model_chat.ask(QUESTION)

    assert turn["start"]["model"] == "scripted"
    assert turn["done"]["usage"] == {"prompt_tokens": 900, "cached_tokens": 512, "completion_tokens": 40}
    assert turn["done"]["cost_usd"] == pytest.approx(((900 - 512) * 1 + 512 * 0.1 + 40 * 2) / 1e6)
    assert turn.degraded == []

    model_chat.ask("그럼 판매자는 언제 내나요?", turn.session_id)
    second = model.asked[1]["messages"]
    assert {"role": "user", "content": QUESTION} in second
    assert {"role": "assistant", "content": "구매자가 냅니다."} in second
    assert model_chat.turns(turn.session_id)[0]["answer"] == "구매자가 냅니다."


def test_what_a_model_thinks_never_reaches_the_seller(model_chat, model):
    model.chat.append(answer("<think>판매자가 화났나?</think>", thought("조심하자."), "구매자가 냅니다."))
    turn = model_chat.ask(QUESTION)
    assert turn.text == "구매자가 냅니다."
    assert stored(model_chat, turn.session_id)["answer"] == "구매자가 냅니다."


def test_no_model_is_paid_for_what_is_declined_or_a_greeting(model_chat, model):
    assert model_chat.ask("오늘 저녁에 여의도 가려는데 맛집 추천좀 해줄래?").outcome == "declined"
    assert model_chat.ask("안녕하세요").outcome == "greeting"
    assert model.exchanges == []


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([failure(429, "rate_limit_exceeded", retry_after="60")], id="429"),
        pytest.param([failure(500)], id="500"),
        pytest.param([answer(hang())], id="hang"),
        pytest.param([Stream((reset(),))] * 2, id="reset"),  # a connection that fails at once is tried once more
        pytest.param([answer()], id="empty answer"),
        pytest.param([answer(" \n")], id="blank answer"),
        pytest.param([Stream((raw(b"data: nonsense\n\n"),))], id="nonsense"),
        pytest.param([answer("<think>끝없는 생각", done=False, finish=None, usage=None)], id="nothing but thoughts"),
    ],
)
def test_a_model_that_fails_before_its_first_word_leaves_the_answer_to_the_faq(model_chat, model, script):
    model.chat.extend(script)
    began = time.monotonic()
    turn = model_chat.ask(QUESTION)

    assert turn.names == ["start", "sources", "delta", "followups", "done"]
    assert turn.text.startswith(FROM_THE_FAQ)
    assert turn.outcome == "answered"
    assert turn.degraded == ["model"]
    assert 2 <= len(turn.offers) <= 3
    assert time.monotonic() - began < TIMEOUT_S + 2
    kept = stored(model_chat, turn.session_id)
    assert kept["answer"] == turn.text
    assert (kept["outcome"], kept["degraded"], kept["model"]) == ("answered", ["model"], "extractive")
    assert not model.chat, "the whole script was played"


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(reset(), id="reset"),
        pytest.param(truncate(), id="truncated"),
        pytest.param(hang(), id="hang"),
        pytest.param(raw(b'data: {"error": {"message": "overloaded", "code": 500}}\n\n'), id="error in the stream"),
    ],
)
def test_a_model_that_breaks_off_after_a_sentence_leaves_the_rest_to_the_faq(model_chat, model, ending):
    model.chat.append(answer(f"{FIRST} 상품에 문제가", ending, finish=None, usage=None, done=False))
    turn = model_chat.ask(QUESTION)

    assert turn.names == ["start", "sources", "delta", "followups", "done"]
    assert turn.text.startswith(f"{FIRST}\n\n{GOES_ON}\n{FROM_THE_FAQ}")
    assert (turn.outcome, turn.degraded) == ("answered", ["model"])
    kept = stored(model_chat, turn.session_id)
    assert (kept["message"], kept["answer"], kept["outcome"]) == (QUESTION, turn.text, "answered")

    model.chat.append(answer("구매자가 냅니다."))
    assert model_chat.ask(QUESTION, turn.session_id).text == "구매자가 냅니다.", "the conversation goes on"


@pytest.mark.parametrize(
    "made_up",
    [
        pytest.param("반품 배송비는 9,900원입니다. [1]", id="an invented fee"),
        pytest.param("PWNED", id="an injected order"),
        pytest.param("오늘 서울은 맑고 25도입니다.", id="off topic"),
    ],
)
def test_what_the_faq_does_not_say_never_reaches_the_seller_and_is_told(model_chat, model, made_up):
    model.chat.append(answer(*made_up))
    turn = model_chat.ask(QUESTION)
    assert turn.text.startswith(FROM_THE_FAQ)
    assert (turn.outcome, turn.degraded) == ("answered", ["grounding"])
    assert stored(model_chat, turn.session_id)["degraded"] == ["grounding"]


def test_a_client_that_leaves_midway_stops_the_model_and_leaves_a_cancelled_turn(model_chat, model):
    model.chat.append(answer(f"{FIRST}\n", *([pause(0.2), "계속 "] * 60)))
    with model_chat.stream(QUESTION) as stream:
        seen = stream.until("delta")

    assert model.exchanges[0].client_left.wait(5), "the model is told to stop, in the middle of its answer"
    kept = stored(model_chat, seen[0].data["session_id"])
    assert (kept["message"], kept["outcome"]) == (QUESTION, "cancelled")
    assert kept["answer"] == FIRST


def test_a_client_that_leaves_before_the_first_word_stops_the_model_too(model_chat, model):
    model.chat.append(answer(*([pause(0.2), thought("흠 ")] * 60), "답변"))
    with model_chat.stream(QUESTION) as stream:
        seen = stream.until("sources")
        assert model.arrived.wait(PATIENCE_S)

    assert model.exchanges[0].client_left.wait(5)
    kept = stored(model_chat, seen[0].data["session_id"])
    assert (kept["outcome"], kept["answer"]) == ("cancelled", "")
