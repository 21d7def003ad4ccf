"""Each dependency is asked by name; only without a catalogue can nothing be answered."""

import asyncio

import pytest

from faqchat import readiness
from faqchat.errors import Busy, IndexMismatch, NotFound, Unavailable
from faqchat.readiness import Readiness, check_all


def answers(result=None):
    async def check():
        if isinstance(result, Exception):
            raise result
        return result

    return check


async def test_a_part_that_answers_is_ok_whatever_it_says():
    found = await check_all({"catalogue": answers(), "history": answers(NotFound("no such session"))})
    assert found.parts == {"catalogue": "ok", "history": "ok"}


@pytest.mark.parametrize("error", [Unavailable("refused"), Busy("HTTP 429"), IndexMismatch("built by another")])
async def test_a_part_that_fails_says_why(error):
    found = await check_all({"catalogue": answers(), "vectors": answers(error)})
    assert found.parts == {"catalogue": "ok", "vectors": f"{type(error).__name__}: {error}"}


async def test_a_part_that_hangs_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(readiness, "TIMEOUT_S", 0.01)
    found = await check_all({"catalogue": answers(), "embeddings": asyncio.Event().wait})
    assert found.parts["embeddings"] == "no answer within 0.01 s"


async def test_parts_are_asked_side_by_side():
    first, second = asyncio.Event(), asyncio.Event()

    async def one():
        first.set()
        await second.wait()

    async def other():
        await first.wait()
        second.set()

    found = await check_all({"catalogue": one, "vectors": other})
    assert set(found.parts.values()) == {"ok"}


def test_questions_can_be_answered_as_long_as_there_is_a_catalogue():
    assert Readiness(
        parts={"catalogue": "ok", "vectors": "Unavailable: refused", "history": "Unavailable: refused"}
    ).ready
    assert not Readiness(parts={"catalogue": "Unavailable: run ingest", "vectors": "ok", "history": "ok"}).ready
