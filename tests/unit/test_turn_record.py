"""What the record of turns makes possible, and what becomes of turns where it is away."""

import asyncio

import pytest

from faqchat import live, turns
from faqchat.conversation import new_session_id, new_turn_id
from faqchat.errors import Conflict, InvalidRequest, Unavailable
from faqchat.events import ChatRequest, Problem
from faqchat.turnlog import Claim
from tests.fakes import World
from tests.unit.live_turns import ASKED, Gated, begin, first_text, hurry, rest, text, until

KEY = "a key"


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    hurry(monkeypatch)


@pytest.fixture
def model():
    return Gated()


@pytest.fixture
async def world(model):
    return await World(model).ingested()


class TestKeys:
    async def test_a_repeat_is_given_the_stored_turn_and_no_model_is_asked_again(self, world, model):
        model.may_go_on.set()
        first = await begin(world, key=KEY)
        said = await rest(first.events)
        again = await begin(world, key=KEY)
        assert (again.turn_id, again.replayed, first.replayed) == (first.turn_id, True, False)
        assert await rest(again.events) == said
        assert len(model.briefs) == 1

    async def test_a_repeat_while_it_runs_is_refused(self, world, model):
        first = await begin(world, key=KEY)
        with pytest.raises(Conflict):
            await begin(world, key=KEY)
        model.may_go_on.set()
        await rest(first.events)
        assert (await begin(world, key=KEY)).replayed

    async def test_another_request_with_the_same_key_is_refused(self, world, model):
        model.may_go_on.set()
        await rest((await begin(world, key=KEY)).events)
        with pytest.raises(InvalidRequest):
            await begin(world, ChatRequest(message="반품배송비는 누가 내나요?"), key=KEY)

    async def test_of_many_at_the_same_time_one_begins(self, world, model):
        model.may_go_on.set()
        begun = await asyncio.gather(*(begin(world, key=KEY) for _ in range(5)), return_exceptions=True)
        answers = [one for one in begun if not isinstance(one, Conflict)]
        assert len({answer.turn_id for answer in answers}) == 1

    async def test_a_request_that_was_refused_does_not_use_its_key_up(self, world, model):
        with pytest.raises(InvalidRequest):
            await begin(world, ChatRequest(message=" "), key=KEY)
        await until(lambda: not world.log.claims)

    async def test_a_turn_that_failed_is_done_again(self, world, model):
        turn_id = new_turn_id()
        failed = Problem(type="urn:x", title="Unavailable", status=503, detail="잠시 후", trace_id="1")
        await world.log.open(turn_id, new_session_id())
        await world.log.append(turn_id, 0, [failed])
        digest = turns._digest(KEY)
        await world.log.claim(digest, Claim(turn_id, turns._digest(f"{KEY} {ASKED.model_dump_json()}")))
        model.may_go_on.set()
        answer = await begin(world, key=KEY)
        assert not answer.replayed
        assert (await rest(answer.events))[-1].event.outcome == "answered"

    async def test_a_key_tells_nothing_of_itself_in_the_store(self, world, model):
        model.may_go_on.set()
        await rest((await begin(world, key=KEY)).events)
        assert KEY not in repr(world.log.claims)


class TestWithoutTheLog:
    async def test_the_answer_comes_all_the_same(self, world, model):
        world.log.down = True
        model.may_go_on.set()
        seen = await rest((await begin(world, key=KEY)).events)
        assert "정산됩니다." in text(seen)
        assert seen[-1].event.outcome == "answered"

    async def test_a_turn_that_nobody_could_come_back_to_ends_with_its_reader(self, world, model):
        answer = await begin(world)
        await first_text(answer)
        world.log.down = True
        await answer.events.aclose()
        await until(lambda: model.stopped)

    async def test_a_log_that_hangs_does_not_keep_the_answer(self, world, model, monkeypatch):
        async def hangs(*_):
            await asyncio.sleep(60)

        monkeypatch.setattr(live, "RECORD_TIMEOUT_S", 0.02)
        monkeypatch.setattr(world.log, "append", hangs)
        model.may_go_on.set()
        async with asyncio.timeout(2):
            assert (await rest((await begin(world)).events))[-1].event.outcome == "answered"

    async def test_one_that_is_slow_to_begin_is_waited_for(self, world, model):
        begin_record = world.log.open

        async def slowly(turn_id, session_id):
            await asyncio.sleep(0.1)  # ten beats
            await begin_record(turn_id, session_id)

        world.log.open = slowly
        answer = await begin(world)
        await until(lambda: world.log.alive_at.get(answer.turn_id))
        model.may_go_on.set()
        said = await rest(answer.events)
        assert [*await rest(await world.turns.resume(answer.turn_id, -1))] == said

    async def test_a_log_that_was_slow_once_has_the_whole_turn_in_the_end(self, world, model, monkeypatch):
        append, late = world.log.append, asyncio.Event()

        async def slow_once(*row):
            if not late.is_set():
                late.set()
                await asyncio.sleep(60)
            await append(*row)

        monkeypatch.setattr(live, "RECORD_TIMEOUT_S", 0.02)
        monkeypatch.setattr(world.log, "append", slow_once)
        model.may_go_on.set()
        answer = await begin(world)
        seen = await rest(answer.events)
        await until(lambda: len(world.log.events[answer.turn_id]) == len(seen))
        assert (await world.log.read(answer.turn_id)).events == tuple(seen)

    async def test_a_reader_who_comes_back_meanwhile_is_told_and_may_try_again(self, world, model):
        answer = await begin(world)
        seen = await first_text(answer)
        await asyncio.sleep(0.05)
        resumed = await world.turns.resume(answer.turn_id, seen[-1].number)
        world.log.down = True
        ((number, problem),) = await rest(resumed)
        assert (number, problem.status) == (seen[-1].number + 1, 503)

    async def test_nothing_can_be_resumed(self, world):
        world.log.down = True
        with pytest.raises(Unavailable):
            await world.turns.resume(new_turn_id(), -1)
