"""The whole answer says what the stream said, in one piece."""

import pytest

from faqchat.events import Delta, Done, FollowUp, FollowUps, Problem, Source, Sources, Start, Usage
from faqchat.reply import collect

START = Start(session_id="A" * 32, turn_id="0123", model="scripted")
SOURCE = Source(faq_id="0" * 12, question="정산은 언제 되나요?", score=1.0, excerpt="매일")
OFFER = FollowUp(faq_id="1" * 12, text="정산 내역을 안내해 드릴까요?")
DONE = Done(
    outcome="answered",
    degraded=("history",),
    usage=Usage(prompt_tokens=10, completion_tokens=2),
    cost_usd=0.25,
    timings_ms={"total": 12.5},
)
PROBLEM = Problem(type="urn:x", title="Unavailable", status=503, detail="잠시 후", trace_id="0123")


async def turn(*events):
    for event in events:
        yield event


async def test_it_is_the_stream_put_together():
    pieces = (Sources(sources=(SOURCE,)), Delta(text="매일 "), Delta(text="정산됩니다."), FollowUps(followups=(OFFER,)))
    reply = await collect(turn(START, *pieces, DONE))
    assert reply.model_dump() == {
        "session_id": START.session_id,
        "turn_id": START.turn_id,
        "model": START.model,
        "answer": "매일 정산됩니다.",
        "sources": (SOURCE.model_dump(),),
        "followups": (OFFER.model_dump(),),
        **DONE.model_dump(exclude={"type"}),
    }


async def test_a_turn_without_sources_or_offers_has_none():
    reply = await collect(turn(START, Delta(text="안녕하세요!"), Done(outcome="greeting")))
    assert (reply.answer, reply.sources, reply.followups, reply.outcome) == ("안녕하세요!", (), (), "greeting")


async def test_a_turn_that_broke_off_is_its_problem_and_not_half_an_answer():
    assert await collect(turn(START, Delta(text="매일 "), PROBLEM)) == PROBLEM


@pytest.mark.parametrize("events", [(), (START, Delta(text="매일 "))])
async def test_a_turn_without_an_end_is_a_bug(events):
    with pytest.raises(RuntimeError, match="terminal event"):
        await collect(turn(*events))
