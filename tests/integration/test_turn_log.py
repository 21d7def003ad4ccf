"""The turn log and its idempotency keys: the same promises by DynamoDB and by the stand-in of the unit tests."""

import asyncio
import time

import boto3
import pytest

from faqchat.adapters.turn_log import DAY_S, DynamoTurnLog
from faqchat.conversation import new_session_id, new_turn_id
from faqchat.errors import NotFound, Unavailable
from faqchat.events import Delta, Done, Numbered, Problem, Sources, Start
from faqchat.turnlog import Claim
from tests.fakes import FakeTurnLog

DAYS = 30
KEY = "0" * 64


@pytest.fixture
def clock():
    class Clock:
        now = time.time()

        def __call__(self) -> float:
            return self.now

    return Clock()


@pytest.fixture(params=["dynamodb", "fake"])
def log(request, clock):
    if request.param == "fake":
        return FakeTurnLog()
    return DynamoTurnLog(request.getfixturevalue("turns_table"), DAYS, clock)


@pytest.fixture
def dynamo_log(turns_table, clock):
    return DynamoTurnLog(turns_table, DAYS, clock)


@pytest.fixture
async def turn_id(log):
    return await begun(log)


async def begun(log):
    turn_id = new_turn_id()
    await log.open(turn_id, new_session_id())
    return turn_id


def said(turn_id):
    return [
        Start(session_id=new_session_id(), turn_id=turn_id, model="모델"),
        Sources(sources=()),
        Delta(text='따옴표 " 줄\n바꿈\u2028'),
        Done(outcome="answered", timings_ms={"total": 12.3}, cost_usd=0.000123),
    ]


async def test_what_was_said_is_read_again_as_it_was(log, turn_id):
    events = said(turn_id)
    await log.append(turn_id, 0, events[:3])
    await log.append(turn_id, 3, events[3:])
    recorded = await log.read(turn_id)
    assert recorded.events == tuple(Numbered(*row) for row in enumerate(events))
    assert recorded.last == events[-1]


async def test_events_may_come_before_the_turn_they_belong_to_is_open(log):
    turn_id = new_turn_id()
    events = said(turn_id)
    await log.append(turn_id, 0, events)
    await log.open(turn_id, new_session_id())
    assert (await log.read(turn_id)).last == events[-1]


@pytest.mark.parametrize("after", range(-1, 5))
async def test_whoever_has_some_of_it_is_given_the_rest(log, turn_id, after):
    events = said(turn_id)
    await log.append(turn_id, 0, events)
    assert [number for number, _ in (await log.read(turn_id, after)).events] == [*range(after + 1, 4)]


async def test_the_same_again_changes_nothing(log, turn_id):
    events = said(turn_id)
    await log.append(turn_id, 0, events)
    await log.append(turn_id, 0, events)
    assert len((await log.read(turn_id)).events) == 4


async def test_a_write_that_comes_late_does_not_undo_the_one_that_was_tried_again(log, turn_id):
    events = said(turn_id)
    await log.append(turn_id, 0, events)
    await log.append(turn_id, 0, events[:2])
    assert len((await log.read(turn_id)).events) == 4


async def test_a_problem_is_the_last_event_too(log, turn_id):
    problem = Problem(type="urn:faqchat:interrupted", title="Unavailable", status=503, detail="잠시 후", trace_id="1")
    await log.append(turn_id, 0, [problem])
    assert (await log.read(turn_id)).last == problem


async def test_a_turn_hears_at_its_next_beat_what_is_wanted_of_it(log, turn_id):
    assert await log.beat(turn_id) == (False, 0.0)
    await log.watch(turn_id)
    assert (await log.beat(turn_id)).watched_at == pytest.approx(time.time(), abs=60)
    await log.cancel(turn_id)
    assert (await log.beat(turn_id)).cancelled


async def test_a_beat_says_that_the_turn_is_alive(dynamo_log, clock):
    turn_id = await begun(dynamo_log)
    clock.now += 5
    await dynamo_log.beat(turn_id)
    assert (await dynamo_log.read(turn_id)).alive_at == clock.now


@pytest.mark.parametrize("call", ["beat", "read", "cancel", "watch"])
async def test_a_turn_that_never_was_is_not_found(log, call):
    with pytest.raises(NotFound):
        await getattr(log, call)(new_turn_id())


async def test_events_are_kept_for_a_day_and_the_conversation_they_belong_to_for_longer(dynamo_log, clock):
    turn_id = await begun(dynamo_log)
    await dynamo_log.append(turn_id, 0, said(turn_id))
    clock.now += DAY_S + 1
    recorded = await dynamo_log.read(turn_id)
    assert (recorded.events, len(recorded.session_id)) == ((), 32)
    clock.now += DAYS * DAY_S
    with pytest.raises(NotFound):
        await dynamo_log.read(turn_id)


async def test_erased_turns_leave_nothing_behind(dynamo_log, turns_table):
    kept, *erased = [await begun(dynamo_log) for _ in range(4)]
    for turn_id in (kept, *erased):
        for number in range(12):
            await dynamo_log.append(turn_id, number, [Delta(text="가")])
    await dynamo_log.erase([*erased, new_turn_id()])
    left = boto3.client("dynamodb").scan(TableName=turns_table)["Items"]
    assert {item["turn_id"]["S"] for item in left} == {kept}


class TestClaims:
    async def test_the_first_holds_the_key(self, log):
        first, second = Claim(new_turn_id(), "a"), Claim(new_turn_id(), "a")
        assert await log.claim(KEY, first) == first
        assert await log.claim(KEY, second) == first

    async def test_one_of_many_at_the_same_time_holds_it(self, log):
        claims = [Claim(new_turn_id(), "a") for _ in range(8)]
        held = await asyncio.gather(*(log.claim(KEY, claim) for claim in claims))
        assert len(set(held)) == 1

    async def test_a_key_is_taken_over_from_the_turn_that_was_named_only(self, log):
        first, second, third = (Claim(new_turn_id(), "a") for _ in range(3))
        await log.claim(KEY, first)
        assert await log.claim(KEY, second, instead_of=third.turn_id) == first
        assert await log.claim(KEY, second, instead_of=first.turn_id) == second
        assert await log.claim(KEY, third, instead_of=first.turn_id) == second

    async def test_a_key_that_was_given_up_is_free(self, log):
        first, second = Claim(new_turn_id(), "a"), Claim(new_turn_id(), "b")
        await log.claim(KEY, first)
        await log.release(KEY, second.turn_id)
        assert await log.claim(KEY, second) == first, "it was not theirs to give up"
        await log.release(KEY, first.turn_id)
        assert await log.claim(KEY, second) == second

    async def test_a_key_is_free_again_after_a_day(self, dynamo_log, clock):
        first, second = Claim(new_turn_id(), "a"), Claim(new_turn_id(), "b")
        await dynamo_log.claim(KEY, first)
        clock.now += DAY_S + 1
        assert await dynamo_log.claim(KEY, second) == second


async def test_a_table_that_is_not_there_is_unavailable(aws, clock):
    with pytest.raises(Unavailable):
        await DynamoTurnLog("no-such-table", DAYS, clock).open(new_turn_id(), new_session_id())
