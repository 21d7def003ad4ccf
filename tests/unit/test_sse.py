"""A turn over the wire: kept alive while it is silent, cancelled when the client leaves."""

import asyncio
import json

import pytest

from faqchat.errors import Unavailable
from faqchat.events import Delta, Done, Numbered, Problem, Start
from faqchat.sse import HEARTBEAT, encode

START = Start(session_id="A" * 32, turn_id="0123", model="scripted")
DONE = Done(outcome="answered")


class Turn:
    """Says its pieces; at an event among them it waits, an exception is raised where it stands."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.said = 0
        self.ended_by = None
        self.cleaned_up = False
        self.silent = asyncio.Event()

    async def events(self):
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                if isinstance(piece, asyncio.Event):
                    self.silent.set()
                    await piece.wait()
                    continue
                self.said += 1
                yield Numbered(self.said - 1, piece)
        except BaseException as error:
            self.ended_by = type(error)
            await asyncio.sleep(0)  # a turn that is cancelled may still have something to write
            self.cleaned_up = True
            raise


def stream(turn, heartbeat_s=60.0):
    return encode("0123", turn.events(), heartbeat_s)


async def blocks(turn, heartbeat_s=60.0):
    return [block.decode() async for block in stream(turn, heartbeat_s)]


def ids(sent):
    return [line.removeprefix("id: ") for block in sent for line in block.splitlines() if line.startswith("id: ")]


async def test_each_event_is_one_block_with_its_name_its_id_and_its_data():
    sent = await blocks(Turn(START, Delta(text="안녕\n하세요"), DONE))
    assert sent[1] == 'event: delta\nid: 0123:1\ndata: {"type":"delta","text":"안녕\\n하세요"}\n\n'
    assert [json.loads(block.partition("data: ")[2])["type"] for block in sent] == ["start", "delta", "done"]


async def test_ids_count_within_the_turn():
    assert ids(await blocks(Turn(START, *[Delta(text="가")] * 3, DONE))) == [f"0123:{number}" for number in range(5)]


async def test_a_turn_that_ends_in_a_problem_is_told_so_as_an_error_event():
    problem = Problem(type="urn:x", title="Unavailable", status=503, detail="잠시 후", trace_id="0123")
    assert (await blocks(Turn(START, problem)))[-1].startswith("event: error\nid: 0123:1\n")


async def test_a_silent_turn_is_kept_alive_and_its_ids_are_not_disturbed():
    enough = asyncio.Event()
    sent = []
    async for block in stream(Turn(START, Delta(text="가"), enough, DONE), heartbeat_s=0.01):
        sent.append(block.decode())
        if sent.count(HEARTBEAT.decode()) == 3:
            enough.set()
    assert sent[2:5] == [HEARTBEAT.decode()] * 3
    assert ids(sent) == ["0123:0", "0123:1", "0123:2"]
    assert sent[-1].startswith("event: done")


async def test_a_turn_that_talks_needs_no_heartbeat():
    assert HEARTBEAT.decode() not in await blocks(Turn(START, *[Delta(text="가")] * 50, DONE), heartbeat_s=5)


async def test_an_event_is_sent_before_the_next_one_is_made():
    turn = Turn(START, Delta(text="가"), DONE)
    assert [turn.said async for _ in stream(turn)] == [1, 2, 3]


async def test_a_client_that_leaves_during_a_silence_cancels_the_turn_and_waits_for_its_cleanup():
    turn = Turn(START, asyncio.Event(), DONE)
    sending = stream(turn, heartbeat_s=0.01)
    while await anext(sending) != HEARTBEAT:
        pass
    await sending.aclose()
    assert (turn.ended_by, turn.cleaned_up) == (asyncio.CancelledError, True)


async def test_a_client_that_leaves_while_it_is_sent_something_ends_the_turn_and_waits_for_its_cleanup():
    turn = Turn(START, Delta(text="가"), DONE)
    sending = stream(turn)
    await anext(sending)
    await anext(sending)
    await sending.aclose()
    assert (turn.ended_by, turn.cleaned_up, turn.said) == (GeneratorExit, True, 2)


async def test_a_sender_that_is_cancelled_cancels_the_turn():
    turn = Turn(START, asyncio.Event(), DONE)
    sender = asyncio.create_task(blocks(turn))
    await turn.silent.wait()
    sender.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sender
    assert (turn.ended_by, turn.cleaned_up) == (asyncio.CancelledError, True)


@pytest.mark.parametrize("error", [Unavailable("down"), ValueError("a bug")])
async def test_what_a_turn_raises_comes_through_behind_what_it_said(error):
    sending = stream(Turn(START, error))
    assert (await anext(sending)).startswith(b"event: start")
    with pytest.raises(type(error)):
        await anext(sending)


async def test_a_turn_whose_cleanup_fails_does_not_keep_the_client_from_leaving():
    async def stubborn():
        try:
            yield Numbered(0, START)
            await asyncio.sleep(60)
        finally:
            raise ValueError("cleanup failed")

    sending = encode("0123", stubborn(), 0.01)
    while await anext(sending) != HEARTBEAT:
        pass
    await sending.aclose()


async def test_a_turn_without_events_is_an_empty_stream():
    assert await blocks(Turn()) == []
