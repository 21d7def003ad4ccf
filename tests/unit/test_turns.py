"""Turns beyond their connection, on fakes: followed, resumed, stopped, rated, replaced."""

import asyncio
from contextlib import suppress

import pytest

from faqchat import turns
from faqchat.conversation import new_session_id, new_turn_id
from faqchat.errors import InvalidRequest, NotFound
from faqchat.events import ChatRequest, Delta, Done, FeedbackRequest, Problem
from faqchat.live import LiveTurn
from tests.fakes import World
from tests.unit.live_turns import ASKED, Gated, begin, first_text, hurry, rest, text, until


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    hurry(monkeypatch)


@pytest.fixture
def model():
    return Gated()


@pytest.fixture
async def world(model):
    return await World(model).ingested()


async def test_a_turn_is_followed_to_its_end(world, model):
    model.may_go_on.set()
    answer = await begin(world)
    seen = await rest(answer.events)
    assert [number for number, _ in seen] == [*range(len(seen))]
    assert isinstance(seen[-1].event, Done)
    assert (await world.log.read(answer.turn_id)).events == tuple(seen)


async def test_the_first_event_is_read_before_the_last_is_made(world, model):
    seen = await first_text(await begin(world))
    assert not any(isinstance(event, Done) for _, event in seen)


async def test_a_reader_who_was_cut_off_is_given_the_rest_while_the_turn_goes_on(world, model):
    answer = await begin(world)
    seen = await first_text(answer)
    await answer.events.aclose()
    resumed = await world.turns.resume(answer.turn_id, seen[-1].number)
    model.may_go_on.set()
    whole = [*seen, *await rest(resumed)]
    assert [number for number, _ in whole] == [*range(len(whole))]
    assert "다음 영업일에 정산됩니다." in text(whole)
    assert whole[-1].event.outcome == "answered"


async def test_a_reader_may_come_back_when_all_is_over(world, model):
    model.may_go_on.set()
    answer = await begin(world)
    seen = await rest(answer.events)
    for after in range(-1, len(seen) - 1):
        assert await rest(await world.turns.resume(answer.turn_id, after)) == seen[after + 1 :]
    assert await world.turns.resume(answer.turn_id, len(seen) - 1) is None


async def test_a_turn_that_nobody_comes_back_to_is_stopped_after_a_while_and_kept(world, model):
    answer = await begin(world)
    seen = await first_text(answer)
    await answer.events.aclose()
    assert not model.stopped
    await until(lambda: model.stopped)
    await until(lambda: world.log.events[answer.turn_id].get(len(seen)))
    (kept,) = await world.history.recent(seen[0].event.session_id, 5)
    assert (kept.outcome, kept.answer) == ("cancelled", text(seen))


async def test_whoever_reads_from_elsewhere_keeps_a_turn_going(world, model):
    answer = await begin(world)
    seen = await first_text(answer)
    await answer.events.aclose()
    reading = asyncio.create_task(rest(await world.turns.resume(answer.turn_id, seen[-1].number)))
    await asyncio.sleep(0.8)  # grace is half a second
    assert not model.stopped
    model.may_go_on.set()
    assert (await reading)[-1].event.outcome == "answered"


async def test_a_turn_that_cannot_be_resumed_ends_with_its_reader(world, model):
    answer = await begin(world, resumable=False)
    await first_text(answer)
    await answer.events.aclose()
    await until(lambda: model.stopped)


class TestStopping:
    async def test_a_stopped_turn_ends_in_done_and_what_was_said_is_stored(self, world, model):
        answer = await begin(world)
        seen = await first_text(answer)
        assert await world.turns.cancel(answer.turn_id) == "cancelling"
        after = await rest(answer.events)
        assert [event.outcome for _, event in after] == ["cancelled"]
        assert model.stopped
        (kept,) = await world.history.recent(seen[0].event.session_id, 5)
        assert (kept.outcome, kept.answer) == ("cancelled", text(seen))

    async def test_stop_and_resume_work_together(self, world, model):
        answer = await begin(world)
        seen = await first_text(answer)
        await answer.events.aclose()
        resumed = await world.turns.resume(answer.turn_id, seen[-1].number)
        await world.turns.cancel(answer.turn_id)
        assert [(number, event.outcome) for number, event in await rest(resumed)] == [(len(seen), "cancelled")]

    async def test_a_stop_while_the_end_is_being_recorded_does_not_lose_the_end(self, world, model, monkeypatch):
        append, recording, may_record = world.log.append, asyncio.Event(), asyncio.Event()

        async def slow_end(turn_id, first, events):
            if isinstance(events[-1], Done):
                recording.set()
                await may_record.wait()
            await append(turn_id, first, events)

        monkeypatch.setattr(world.log, "append", slow_end)
        model.may_go_on.set()
        answer = await begin(world)
        reading = asyncio.create_task(rest(answer.events))
        await recording.wait()
        await world.log.cancel(answer.turn_id)
        await asyncio.sleep(0.05)  # some beats
        may_record.set()
        assert (await reading)[-1].event.outcome == "answered"

    async def test_one_that_is_over_cannot_be_stopped(self, world, model):
        model.may_go_on.set()
        answer = await begin(world)
        seen = await rest(answer.events)
        assert await world.turns.cancel(answer.turn_id) == "ended"
        assert (await world.log.read(answer.turn_id)).events == tuple(seen)

    async def test_one_that_never_was_is_not_found(self, world):
        with pytest.raises(NotFound):
            await world.turns.cancel(new_turn_id())


class TestDeath:
    async def test_the_reader_of_a_turn_whose_process_died_is_told(self, world, monkeypatch):
        monkeypatch.setattr(turns, "DEAD_S", 0.05)
        turn_id = new_turn_id()
        await world.log.open(turn_id, new_session_id())
        await world.log.append(turn_id, 0, [Delta(text="반쯤")])
        *said, (number, problem) = await rest(await world.turns.resume(turn_id, -1))
        assert (text(said), number) == ("반쯤", 1)
        assert isinstance(problem, Problem)

    async def test_one_that_died_before_it_said_anything_is_not_found(self, world, monkeypatch):
        monkeypatch.setattr(turns, "DEAD_S", -1.0)
        turn_id = new_turn_id()
        await world.log.open(turn_id, new_session_id())
        with pytest.raises(NotFound):
            await world.turns.resume(turn_id, -1)

    async def test_a_process_that_ends_leaves_no_end_behind(self, world, model):
        answer = await begin(world)
        await first_text(answer)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert (await world.log.read(answer.turn_id)).last is None


class TestFeedback:
    async def test_it_is_kept_with_the_turn(self, world, model):
        model.may_go_on.set()
        answer = await begin(world)
        start = (await rest(answer.events))[0].event
        await world.turns.rate(answer.turn_id, FeedbackRequest(rating="down", reason="wrong", comment=" 달라요\n정말 "))
        (kept,) = await world.history.recent(start.session_id, 1)
        assert (kept.feedback.rating, kept.feedback.reason, kept.feedback.comment) == ("down", "wrong", "달라요 정말")

    async def test_a_turn_that_never_was_cannot_be_rated(self, world):
        with pytest.raises(NotFound):
            await world.turns.rate(new_turn_id(), FeedbackRequest(rating="up"))


class TestRegenerating:
    async def test_another_answer_takes_the_place_of_the_last_one(self, world, model):
        model.may_go_on.set()
        first = await begin(world)
        start = (await rest(first.events))[0].event
        request = ChatRequest(message=ASKED.message, session_id=start.session_id, replaces=first.turn_id)
        second = await begin(world, request)
        await rest(second.events)
        assert [turn.turn_id for turn in await world.history.recent(start.session_id, 5)] == [second.turn_id]

    async def test_only_the_last_turn_can_be_replaced(self, world, model):
        model.may_go_on.set()
        start = (await rest((await begin(world)).events))[0].event
        with pytest.raises(InvalidRequest):
            await begin(world, ChatRequest(message="정산", session_id=start.session_id, replaces=new_turn_id()))


async def test_a_forgotten_conversation_takes_what_its_turns_said_along(world, model):
    model.may_go_on.set()
    answer = await begin(world)
    start = (await rest(answer.events))[0].event
    await world.turns.forget(start.session_id)
    with pytest.raises(NotFound):
        await world.turns.resume(answer.turn_id, -1)


async def test_a_past_that_is_brought_is_the_conversation(world, model):
    model.may_go_on.set()
    first = await rest((await begin(world)).events)
    past = await world.history.recent(first[0].event.session_id, 1)
    answer = await begin(world, ChatRequest(message="그럼 어디서 확인하나요?"), past=past)
    start = (await rest(answer.events))[0].event
    assert start.session_id != first[0].event.session_id
    (kept,) = await world.history.recent(start.session_id, 5)
    assert "정산" in kept.query


async def test_a_turn_without_an_end_does_not_hold_its_reader(world):
    async def endless_without_end():
        yield Delta(text="반")

    turn = LiveTurn(new_turn_id(), endless_without_end(), world.log, 1.0)
    running = asyncio.create_task(turn.run(Delta(text="앞")))
    assert text(await rest(turn.read())) == "앞반"
    await running
