"""The chat over a WebSocket: what goes in, what comes out, and what a turn does when its client leaves."""

import asyncio
import json

import pytest

from faqchat import bootstrap
from faqchat.adapters.edge import MAX_BODY_BYTES
from faqchat.errors import Unavailable
from functions.chat.app import app
from tests.fakes import ScriptedModel, World

QUESTION = {"message": "정산은 언제 되나요"}
TURN_ID = "0" * 44


class Slow(ScriptedModel):
    """Says one sentence, then waits for its gate."""

    def __init__(self):
        super().__init__()
        self.gate = asyncio.Event()
        self.closed = asyncio.Event()

    async def generate(self, brief):
        try:
            yield "구매확정 다음 영업일에 정산됩니다."
            await self.gate.wait()
            yield " 끝."
        finally:
            self.closed.set()


class Socket:
    """A client, at the ASGI side of the server."""

    def __init__(self, **headers):
        self.headers = headers
        self.sent = asyncio.Queue()
        self.heard = asyncio.Queue()
        self.is_broken = False
        self.is_slow = False

    async def __aenter__(self):
        scope = {
            "type": "websocket",
            "path": "/v1/chat/ws",
            "raw_path": b"/v1/chat/ws",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in self.headers.items()],
        }
        self.serving = asyncio.create_task(app(scope, self.sent.get, self._hear))
        self.sent.put_nowait({"type": "websocket.connect"})
        self.opened = await self.next_message()
        return self

    async def __aexit__(self, *_):
        await self.leave()

    async def _hear(self, message):
        if self.is_broken:
            raise OSError("the client is gone")
        await asyncio.sleep(0.1 if self.is_slow else 0)
        self.heard.put_nowait(message)

    def says(self, said, kind="text"):
        text = said if isinstance(said, str | bytes) else json.dumps(said, ensure_ascii=False)
        self.sent.put_nowait({"type": "websocket.receive", kind: text})

    async def next_message(self):
        async with asyncio.timeout(5):
            return await self.heard.get()

    async def next(self):
        return json.loads((await self.next_message())["text"])

    async def until(self, *names):
        messages = []
        while not messages or messages[-1]["event"] not in names:
            messages.append(await self.next())
        return messages

    async def leave(self):
        self.sent.put_nowait({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(5):
            await self.serving


@pytest.fixture
def model():
    return Slow()


@pytest.fixture
async def world(model):
    world = await World(model).ingested()
    app.dependency_overrides[bootstrap.turns] = lambda: world.turns
    yield world
    app.dependency_overrides.clear()


@pytest.fixture
async def quick(world, model):
    """A world whose model need not be waited for."""
    model.gate.set()
    return world


async def test_each_event_is_a_message_with_the_data_of_the_stream(quick):
    async with Socket() as socket:
        socket.says(QUESTION)
        messages = await socket.until("done")
    assert [message["event"] for message in messages] == ["start", "sources", "delta", "delta", "followups", "done"]
    turn_id = messages[0]["data"]["turn_id"]
    assert [message["id"] for message in messages] == [f"{turn_id}:{n}" for n in range(6)]
    assert messages[2]["data"] == {"type": "delta", "text": "구매확정 다음 영업일에 정산됩니다."}


async def test_questions_follow_each_other_in_one_conversation(quick):
    async with Socket() as socket:
        session_id = None
        for _ in range(3):
            socket.says(QUESTION | {"session_id": session_id})
            session_id = (await socket.until("done"))[0]["data"]["session_id"]
    assert len(await quick.history.recent(session_id, 9)) == 3


async def test_what_is_asked_ahead_is_answered_after_the_word_that_ends_what_was_before(quick):
    async with Socket() as socket:
        for _ in range(3):
            socket.says({"message": ""})
        assert [(await socket.next())["event"] for _ in range(3)] == ["error"] * 3
        socket.is_slow = True
        socket.says(QUESTION)
        while (await socket.next())["event"] != "followups":
            pass
        await asyncio.sleep(0.05)  # `done` is on its way
        socket.says(QUESTION)
        assert [message["event"] for message in await socket.until("done")] == ["done"]
        assert (await socket.until("done"))[0]["event"] == "start"


async def test_korean_stays_readable_and_bytes_are_read_too(quick):
    async with Socket() as socket:
        socket.says(json.dumps(QUESTION).encode(), kind="bytes")
        await socket.next()
        assert "[정산]" in (await socket.next_message())["text"]
        await socket.until("done")


async def test_one_turn_at_a_time(world, model):
    async with Socket() as socket:
        socket.says(QUESTION)
        (*_, first) = await socket.until("delta")
        socket.says(QUESTION)
        refused = await socket.next()
        assert (refused["event"], refused["id"], refused["data"]["status"]) == ("error", None, 409)
        model.gate.set()
        (*_, done) = await socket.until("done")
        assert done["id"].startswith(first["id"].partition(":")[0])
        socket.says(QUESTION)
        await socket.until("done")


async def test_a_turn_is_stopped_where_it_is(world, model):
    async with Socket() as socket:
        socket.says(QUESTION)
        turn_id = (await socket.until("delta"))[0]["data"]["turn_id"]
        socket.says({"cancel": turn_id})
        told, done = sorted([await socket.next(), await socket.next()], key=lambda message: message["event"])
        assert (told["event"], told["data"]) == ("cancel", {"turn_id": turn_id, "status": "cancelling"})
        assert (done["event"], done["data"]["outcome"]) == ("done", "cancelled")
        socket.says({"cancel": turn_id})
        assert (await socket.next())["data"]["status"] == "ended"
    assert model.closed.is_set()


async def test_a_client_that_comes_back_reads_on_from_where_it_was_cut_off(world, model):
    async with Socket() as socket:
        socket.says(QUESTION)
        *_, last = await socket.until("delta")
    assert not model.closed.is_set(), "the turn goes on for a while"
    async with Socket() as socket:
        socket.says({"resume": last["id"]})
        model.gate.set()
        messages = await socket.until("done")
        turn_id, _, number = last["id"].partition(":")
        assert [message["id"] for message in messages] == [f"{turn_id}:{int(number) + n}" for n in (1, 2, 3)]
        socket.says({"resume": messages[-1]["id"]})
        nothing = await socket.next()
        assert nothing == {"event": "resume", "id": None, "data": {"turn_id": turn_id, "status": "ended"}}


async def test_a_client_that_leaves_for_good_ends_its_turn(world, model):
    async with Socket() as socket:
        socket.says(QUESTION)
        session_id = (await socket.until("delta"))[0]["data"]["session_id"]
    async with asyncio.timeout(5):
        await model.closed.wait()
        while not (turns := await world.history.recent(session_id, 1)):  # noqa: ASYNC110 # the store signals nothing
            await asyncio.sleep(0.01)
    assert turns[0].outcome == "cancelled"


async def test_a_client_whose_connection_breaks_is_let_go_without_a_word(quick, caplog):
    async with Socket() as socket:
        socket.is_broken = True
        socket.says(QUESTION)
        socket.says("{")
    assert "failed" not in [record.message for record in caplog.records]


REFUSALS = [
    ("{", 400, "JSON"),
    ("", 400, "JSON"),
    ("[" * 5_000, 400, "JSON"),
    ('"질문"', 400, "JSON"),
    (b"\xff", 400, "JSON"),
    ("가" * MAX_BODY_BYTES, 413, "너무 큽니다"),
    ({}, 422, "message"),
    ({"message": "정산", "unknown": 1}, 422, "unknown"),
    ({"message": " "}, 422, "질문을 입력"),
    ({"message": "정산", "session_id": "A" * 32}, 404, "찾을 수 없습니다"),
    ({"cancel": "short"}, 422, "cancel"),
    ({"cancel": TURN_ID}, 404, "찾을 수 없습니다"),
    ({"resume": TURN_ID}, 422, "resume"),
    ({"resume": f"{TURN_ID}:0"}, 404, "찾을 수 없습니다"),
    ({"resume": f"{TURN_ID}:0", "message": "정산"}, 422, "message"),
]


@pytest.mark.parametrize(("said", "status", "detail"), REFUSALS)
async def test_what_cannot_be_used_is_refused_and_the_socket_stays_open(quick, said, status, detail):
    async with Socket() as socket:
        socket.says(said, kind="bytes" if isinstance(said, bytes) else "text")
        refused = await socket.next()
        assert (refused["event"], refused["id"], refused["data"]["status"]) == ("error", None, status)
        assert detail in refused["data"]["detail"]
        socket.says(QUESTION)
        await socket.until("done")


async def test_a_failure_in_the_middle_ends_the_turn_and_not_the_socket(quick):
    quick.chat._generators = (ScriptedModel("구매확정 ", Unavailable("down")),)
    async with Socket() as socket:
        socket.says(QUESTION)
        *_, last = await socket.until("error")
        assert last["id"].endswith(":3")
        assert last["data"]["status"] == 503
        quick.chat._generators = (ScriptedModel("다시."),)
        socket.says(QUESTION)
        await socket.until("done")


async def test_a_bug_is_logged_and_told_without_what_it_says(quick, monkeypatch, caplog):
    def fail(*_, **__):
        raise KeyError("secret")

    monkeypatch.setattr(quick.turns, "begin", fail)
    async with Socket(**{"x-request-id": "request-1"}) as socket:
        socket.says(QUESTION)
        told = await socket.next()
    assert (told["data"]["status"], told["data"]["trace_id"]) == (500, "request-1")
    assert "secret" not in json.dumps(told)
    (logged,) = [record for record in caplog.records if record.message == "failed"]
    assert (logged.kind, logged.error) == ("KeyError", "")


async def test_the_handshake_names_the_request(quick):
    async with Socket(**{"x-request-id": "request-1"}) as socket:
        assert dict(socket.opened["headers"])[b"x-request-id"] == b"request-1"


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("https://chat.example", "websocket.accept"),
        ("https://other.example", "websocket.close"),
        ("null", "websocket.close"),
        ("https://[", "websocket.close"),
    ],
)
async def test_a_page_of_another_origin_is_not_let_in(quick, origin, answer):
    socket = Socket(host="chat.example", origin=origin)
    async with socket:
        assert socket.opened["type"] == answer
