import asyncio
import socket
import time
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError

from faqchat.adapters.dynamodb import DAY_S, DynamoHistory
from faqchat.conversation import Feedback, Turn, new_session_id, new_turn_id
from faqchat.errors import Busy, Conflict, NotFound, Unavailable
from faqchat.events import FollowUp, Source, Usage

DAYS = 30


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def advance(self, days: float) -> None:
        self.now += days * DAY_S


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def history(conversations_table, clock):
    return DynamoHistory(conversations_table, DAYS, clock)


@pytest.fixture
async def session_id(history):
    session = new_session_id()
    await history.create(session)
    return session


def a_turn(session_id, message="미성년자도 가입되나요?", **fields):
    return Turn(session_id=session_id, turn_id=new_turn_id(), message=message, answer="네, 가능합니다.", **fields)


def in_order(session_id, count):
    """Turns as they follow each other: ids of the same millisecond sort as they please."""
    return sorted((a_turn(session_id) for _ in range(count)), key=lambda turn: turn.turn_id)


def stored(table, session_id):
    found = boto3.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression="session_id = :s",
        ExpressionAttributeValues={":s": {"S": session_id}},
    )
    return [item["turn_id"]["S"] for item in found["Items"]]


async def test_a_turn_comes_back_exactly_as_it_was_stored(history, session_id):
    turn = a_turn(
        session_id,
        asked_at=datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC),
        query="미성년자 가입 \U0001f642 \u200b",
        outcome="failed",
        sources=(Source(faq_id="0" * 12, question="질문?", tags=("가입",), score=0.1 + 0.2, excerpt="…\n※"),),
        followups=(FollowUp(faq_id="1" * 12, text="서류 안내해드릴까요?"),),
        degraded=("model", "vectors"),
        model="gpt-6-luna",
        usage=Usage(prompt_tokens=1, cached_tokens=2, completion_tokens=3),
        cost_usd=1.2345e-05,
    )
    plain = a_turn(session_id).model_copy(update={"turn_id": "f" * 28})
    await history.append(turn)
    await history.append(plain)
    assert await history.recent(session_id, 10) == [turn, plain]


async def test_an_unknown_conversation_is_told_from_one_without_turns(history, session_id):
    assert await history.recent(session_id, 5) == []
    with pytest.raises(NotFound):
        await history.recent(new_session_id(), 5)


@pytest.mark.parametrize("limit", [0, 1, 3, 7, 8])
async def test_the_last_turns_come_oldest_first(history, session_id, limit):
    turns = [a_turn(session_id, f"질문 {number}") for number in range(7)]
    for number, turn in enumerate(turns):
        turns[number] = turn.model_copy(update={"turn_id": f"{number:028x}"})
        await history.append(turns[number])
    assert await history.recent(session_id, limit) == turns[max(0, 7 - limit) :]


async def test_racing_turns_are_all_kept(history, session_id):
    turns = [a_turn(session_id, f"질문 {number}") for number in range(8)]
    await asyncio.gather(*(history.append(turn) for turn in turns))
    assert sorted(turn.turn_id for turn in await history.recent(session_id, 20)) == sorted(t.turn_id for t in turns)


async def test_a_turn_never_overwrites_another(history, session_id):
    first = a_turn(session_id)
    await history.append(first)
    with pytest.raises(Conflict):
        await history.append(first.model_copy(update={"answer": "아니요"}))
    assert await history.recent(session_id, 5) == [first]


async def test_an_id_that_is_taken_cannot_begin_again(history, session_id):
    await history.append(a_turn(session_id))
    with pytest.raises(Conflict):
        await history.create(session_id)
    assert len(await history.recent(session_id, 5)) == 1


async def test_a_turn_that_is_replaced_is_shown_no_more_and_kept(history, session_id, conversations_table):
    first, second, third = in_order(session_id, 3)
    await history.append(first)
    await history.append(second)
    await history.append(third, replaces=second.turn_id)
    assert await history.recent(session_id, 10) == [first, third]
    assert stored(conversations_table, session_id) == [first.turn_id, second.turn_id, third.turn_id, "~"]


async def test_turns_that_were_replaced_do_not_crowd_out_those_before(history, session_id):
    first, *attempts = in_order(session_id, 6)
    await history.append(first)
    before = None
    for attempt in attempts:
        await history.append(attempt, replaces=before)
        before = attempt.turn_id
    assert await history.recent(session_id, 2) == [first, attempts[-1]]
    assert await history.recent(session_id, 1) == [attempts[-1]]


async def test_a_turn_stored_before_there_was_feedback_is_read_replaced_and_rated(
    history, session_id, conversations_table
):
    turn, other = in_order(session_id, 2)
    await history.append(turn)
    key = {"session_id": {"S": session_id}, "turn_id": {"S": turn.turn_id}}
    dynamodb = boto3.client("dynamodb")
    dynamodb.update_item(TableName=conversations_table, Key=key, UpdateExpression="REMOVE feedback, replaced_by")
    assert await history.recent(session_id, 1) == [turn]
    feedback = Feedback(rating="up")
    await history.rate(session_id, turn.turn_id, feedback)
    assert await history.recent(session_id, 1) == [turn.model_copy(update={"feedback": feedback})]
    await history.append(other, replaces=turn.turn_id)
    assert await history.recent(session_id, 2) == [other]


async def test_a_turn_that_is_not_there_cannot_be_replaced_and_nothing_is_stored(history, session_id):
    with pytest.raises(Conflict):
        await history.append(a_turn(session_id), replaces=new_turn_id())
    assert await history.recent(session_id, 10) == []


async def test_feedback_stays_with_its_turn_and_the_last_counts(history, session_id):
    turn = a_turn(session_id)
    await history.append(turn)
    await history.rate(session_id, turn.turn_id, Feedback(rating="up"))
    feedback = Feedback(rating="down", reason="incomplete", comment='서류가 빠졌어요 "전부"')
    await history.rate(session_id, turn.turn_id, feedback)
    assert await history.recent(session_id, 1) == [turn.model_copy(update={"feedback": feedback})]


async def test_feedback_of_a_turn_that_is_not_there_makes_none(history, session_id):
    with pytest.raises(NotFound):
        await history.rate(session_id, new_turn_id(), Feedback(rating="up"))
    assert await history.recent(session_id, 1) == []


async def test_feedback_of_an_expired_turn_is_not_kept(history, session_id, clock):
    turn = a_turn(session_id)
    await history.append(turn)
    clock.advance(days=DAYS + 1)
    with pytest.raises(NotFound):
        await history.rate(session_id, turn.turn_id, Feedback(rating="up"))


async def test_a_deletion_names_the_turns_that_are_gone(history, session_id):
    turns = [a_turn(session_id) for _ in range(3)]
    for turn in turns:
        await history.append(turn)
    assert sorted(await history.delete(session_id)) == sorted(turn.turn_id for turn in turns)


async def test_nothing_is_appended_to_a_conversation_deleted_meanwhile(history, session_id, conversations_table):
    await history.append(a_turn(session_id))
    await history.delete(session_id)
    with pytest.raises(NotFound):
        await history.append(a_turn(session_id))
    assert stored(conversations_table, session_id) == []


async def test_deletion_racing_appends_leaves_nothing(history, session_id, conversations_table):
    outcomes = await asyncio.gather(
        *(history.append(a_turn(session_id)) for _ in range(5)), history.delete(session_id), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} <= {type(None), list, NotFound}
    assert stored(conversations_table, session_id) == []


async def test_deletion_removes_more_turns_than_one_batch_holds(history, session_id, conversations_table):
    for number in range(60):
        await history.append(a_turn(session_id, f"질문 {number}"))
    await history.delete(session_id)
    assert stored(conversations_table, session_id) == []
    with pytest.raises(NotFound):
        await history.delete(session_id)


async def test_a_deletion_that_broke_off_is_finished_by_the_next(history, session_id, conversations_table):
    await history.append(a_turn(session_id))
    boto3.client("dynamodb").delete_item(
        TableName=conversations_table, Key={"session_id": {"S": session_id}, "turn_id": {"S": "~"}}
    )
    with pytest.raises(NotFound):
        await history.recent(session_id, 1)
    with pytest.raises(NotFound):
        await history.delete(session_id)
    assert stored(conversations_table, session_id) == []


async def test_an_expired_conversation_is_gone_before_the_store_removes_it(history, session_id, clock):
    await history.append(a_turn(session_id))
    clock.advance(DAYS)
    with pytest.raises(NotFound):
        await history.recent(session_id, 5)
    with pytest.raises(NotFound):
        await history.append(a_turn(session_id))
    with pytest.raises(NotFound):
        await history.delete(session_id)


async def test_a_conversation_lives_on_from_its_last_turn(history, session_id, clock):
    await history.append(a_turn(session_id, "첫 질문"))
    clock.advance(DAYS - 1)
    await history.append(a_turn(session_id, "나중 질문"))
    clock.advance(DAYS - 1)
    assert [turn.message for turn in await history.recent(session_id, 5)] == ["나중 질문"]


async def test_a_history_of_several_pages_is_read_whole(history, session_id):
    answers = [f"{number}" + "가" * 49_000 for number in range(10)]  # 147 kB each; a page is 1 MB
    for answer in answers:
        await history.append(a_turn(session_id).model_copy(update={"answer": answer}))
        await asyncio.sleep(0.002)  # turn ids sort by the millisecond
    assert [turn.answer for turn in await history.recent(session_id, 10)] == answers
    await history.delete(session_id)


async def test_the_table_says_when_items_may_be_removed(history, session_id, conversations_table, clock):
    await history.append(a_turn(session_id))
    items = boto3.client("dynamodb").scan(TableName=conversations_table)["Items"]
    assert [int(item["expires_at"]["N"]) for item in items] == [int(clock.now) + DAYS * DAY_S] * 2


async def test_a_missing_table_is_unavailable(aws):
    history = DynamoHistory("no-such-table", DAYS)
    for call in (history.ping(), history.recent("s", 1), history.append(a_turn("s"))):
        with pytest.raises(Unavailable, match="ResourceNotFoundException"):
            await call


async def test_an_unreachable_store_is_unavailable_soon(monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await DynamoHistory("any", DAYS).recent("s", 1)
    assert time.monotonic() - started < 5


class Cancelled(ClientError):
    def __init__(self, *codes):
        super().__init__({"CancellationReasons": [{"Code": code} for code in codes]}, "TransactWriteItems")


class FlakyDynamo:
    """Answers the given errors and leftovers, one a call, before it does as it is told."""

    exceptions = type("Exceptions", (), {"TransactionCanceledException": Cancelled})

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = 0

    def transact_write_items(self, **_):
        self.calls += 1
        if self.answers:
            raise self.answers.pop(0)

    def delete_item(self, **_):
        return {"Attributes": {"expires_at": {"N": "99999999999"}}}

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return [{"Items": [{"session_id": {"S": "s"}, "turn_id": {"S": f"{number}"}} for number in range(3)]}]

    def batch_write_item(self, **request):
        self.calls += 1
        left = self.answers.pop(0) if self.answers else 0
        return {"UnprocessedItems": {table: keys[:left] for table, keys in request["RequestItems"].items() if left}}


def history_on(client):
    history = DynamoHistory("t", DAYS)
    history._dynamodb._client = client
    return history


async def test_a_turn_that_collides_with_another_is_written_again():
    client = FlakyDynamo(Cancelled("TransactionConflict", "None"), Cancelled("TransactionConflict", "None"))
    await history_on(client).append(a_turn("s"))
    assert client.calls == 3


@pytest.mark.parametrize(
    ("failures", "error"),
    [
        ([Cancelled("TransactionConflict", "None")] * 20, Busy),
        ([Cancelled("None", "ThrottlingError")], Busy),
        ([Cancelled("None", "ValidationError")], Unavailable),
        ([ClientError({"Error": {"Code": "ThrottlingException"}}, "x")], Busy),
        ([ClientError({"Error": {"Code": "AccessDeniedException"}}, "x")], Unavailable),
    ],
)
async def test_other_refusals_are_named_for_what_they_are(failures, error):
    with pytest.raises(Unavailable) as raised:
        await history_on(FlakyDynamo(*failures)).append(a_turn("s"))
    assert type(raised.value) is error


async def test_items_that_were_left_over_are_deleted_again():
    client = FlakyDynamo(2, 1)
    await history_on(client).delete("s")
    assert client.calls == 3


async def test_deletion_gives_up_when_items_stay():
    with pytest.raises(Busy):
        await history_on(FlakyDynamo(*[1] * 20)).delete("s")
