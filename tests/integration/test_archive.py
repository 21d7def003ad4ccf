"""All stored turns by a scan: over pages, within a time, what was replaced and rated included."""

import time

import pytest

from faqchat.adapters import archive
from faqchat.adapters.archive import DynamoArchive
from faqchat.adapters.dynamodb import DynamoHistory
from faqchat.conversation import Feedback, Turn, new_session_id, new_turn_id
from faqchat.errors import Unavailable


@pytest.fixture
async def stored(conversations_table):
    """Seven turns in three conversations, one of them replaced, one rated."""
    history = DynamoHistory(conversations_table, 30)
    turns = []
    for size in (1, 2, 4):
        session_id = new_session_id()
        await history.create(session_id)
        for number in range(size):
            turn = Turn(session_id=session_id, turn_id=new_turn_id(), message=f"질문 {number}", cost_usd=0.25)
            await history.append(turn, replaces=turns[-1].turn_id if number == 3 else None)
            turns.append(turn)
    await history.rate(turns[0].session_id, turns[0].turn_id, Feedback(rating="down", reason="other"))
    return turns


async def test_every_turn_comes_once_over_pages(conversations_table, stored, monkeypatch):
    monkeypatch.setattr(archive, "PAGE", 2)
    found = [turn async for turn in DynamoArchive(conversations_table).since(1)]
    assert sorted(turn.turn_id for turn in found) == sorted(turn.turn_id for turn in stored)
    assert [turn.feedback.reason for turn in found if turn.feedback] == ["other"]
    assert [turn.replaced_by for turn in found if turn.replaced_by] == [stored[-1].turn_id]
    assert sum(turn.cost_usd for turn in found) == 0.25 * 7


async def test_older_turns_are_left_out(conversations_table, stored, monkeypatch):
    in_three_days = time.time() + 3 * 86_400
    monkeypatch.setattr(archive.time, "time", lambda: in_three_days)
    assert [turn async for turn in DynamoArchive(conversations_table).since(2)] == []


async def test_a_table_that_is_not_there_is_unavailable(aws):
    with pytest.raises(Unavailable):
        [turn async for turn in DynamoArchive("no-such-table").since(1)]
