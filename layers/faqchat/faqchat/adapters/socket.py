"""The chat over a WebSocket, where something serves those: Lambda's doors do not, `run.sh` in a container does.

The client sends what it would post, a `ChatRequest`; or `{"cancel": turn_id}`; or `{"resume": "turn_id:number"}` for
what comes after that event. Each event comes back as one message, with the data that the event stream has. A socket
serves one turn at a time.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, WebSocket
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import from_json
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected

from faqchat.adapters import problems
from faqchat.adapters.correlation import Correlation
from faqchat.adapters.edge import MAX_BODY_BYTES
from faqchat.errors import FaqChatError
from faqchat.events import EVENT_ID, TURN_ID, Cancelled, ChatRequest, Done, Numbered, Problem, event_name
from faqchat.turns import Turns

BUSY = "앞선 질문에 답변하고 있습니다. 답변이 끝난 뒤에 다시 질문해 주세요."
NOT_JSON = "메시지가 올바른 JSON 객체가 아닙니다."
_Said = TypeVar("_Said")
GONE = (WebSocketDisconnect, WebSocketDisconnected)


class CancelFrame(BaseModel):
    """Stop a turn."""

    model_config = ConfigDict(extra="forbid")

    cancel: Annotated[str, StringConstraints(pattern=TURN_ID)]


class ResumeFrame(BaseModel):
    """Go on after an event."""

    model_config = ConfigDict(extra="forbid")

    resume: Annotated[str, StringConstraints(pattern=EVENT_ID)]


class Refused(Exception):
    """A message that cannot be used; the socket stays open."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def router(turns: Callable[[], Turns]) -> APIRouter:
    """The socket's route, with what it depends on."""
    routes = APIRouter()

    @routes.websocket("/v1/chat/ws")
    async def chat(
        socket: WebSocket,
        turns: Annotated[Turns, Depends(turns)],
        ids: Annotated[Correlation, Depends(problems.correlation)],
    ) -> None:
        if not _is_same_origin(socket):
            await socket.close()  # not accepted yet: the handshake is answered with 403
            return
        await socket.accept(headers=[(b"x-request-id", ids.request_id.encode())])
        await Dialogue(socket, turns, ids).run()

    return routes


class Dialogue:
    """One socket: what its client says, and at most one turn that it hears."""

    def __init__(self, socket: WebSocket, turns: Turns, ids: Correlation) -> None:
        self._socket = socket
        self._turns = turns
        self._ids = ids
        self._telling: asyncio.Task[None] | None = None
        self._is_telling = False  # until the last event is about to go out

    async def run(self) -> None:
        """Serve until the client leaves, which means to its turn what leaving an event stream does."""
        try:
            while (message := await self._socket.receive())["type"] != "websocket.disconnect":
                await self._refusing(self._take, message)
        finally:
            if self._telling:
                self._telling.cancel()
                await asyncio.wait({self._telling})

    async def _take(self, message: Mapping[str, Any]) -> None:
        match _read(message):
            case CancelFrame(cancel=turn_id):
                stopped = Cancelled(turn_id=turn_id, status=await self._turns.cancel(turn_id))
                await self._send("cancel", None, stopped)
            case said if self._is_telling:
                raise Refused(409, BUSY)
            case said:
                if self._telling:
                    await asyncio.wait({self._telling})  # its last word goes out first
                self._is_telling = True
                self._telling = asyncio.create_task(self._refusing(self._tell, said))

    async def _tell(self, said: ChatRequest | ResumeFrame) -> None:
        """A turn's events, one message each."""
        try:
            events: AsyncGenerator[Numbered, None] | None
            if isinstance(said, ChatRequest):
                answer = await self._turns.begin(said, partial(problems.reported, ids=self._ids))
                turn_id, events = answer.turn_id, answer.events
            else:
                turn_id, _, last = said.resume.partition(":")
                events = await self._turns.resume(turn_id, int(last))
            if events is None:
                await self._send("resume", None, Cancelled(turn_id=turn_id, status="ended"))
                return
            async with aclosing(events):
                async for number, event in events:
                    self._is_telling = not isinstance(event, Done | Problem)
                    await self._send(event_name(event), f"{turn_id}:{number}", event)
                    if not self._is_telling:
                        return  # what is left of the turn concerns nobody here
        finally:
            self._is_telling = False

    async def _refusing(self, step: Callable[[_Said], Awaitable[None]], said: _Said) -> None:
        """Take a step; the client is told what makes it fail, and may go on."""
        try:
            try:
                await step(said)
            except GONE:
                raise
            except Exception as error:  # noqa: BLE001 # an edge: `_problem` logs what it does not know
                await self._send("error", None, self._problem(error))
        except GONE:
            return  # the next `receive` says so as well

    def _problem(self, error: Exception) -> Problem:
        request_id = self._ids.request_id
        match error:
            case Refused():
                return problems.problem(error.status, error.detail, request_id)
            case FaqChatError():
                return problems.of_error(error, request_id)
            case _:
                return problems.of_bug(error, request_id)

    async def _send(self, name: str, event_id: str | None, said: BaseModel) -> None:
        await self._socket.send_text(frame(name, event_id, said))


def frame(name: str, event_id: str | None, said: BaseModel) -> str:
    """One message to the client. What has no id is not an event of a turn."""
    message = {"event": name, "id": event_id, "data": said.model_dump(mode="json")}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _read(message: Mapping[str, Any]) -> ChatRequest | CancelFrame | ResumeFrame:
    """What the client says. Raises `Refused`."""
    data: bytes = message.get("bytes") or (message.get("text") or "").encode()
    if len(data) > MAX_BODY_BYTES:
        raise Refused(413, problems.HTTP_DETAILS[413])
    try:
        said = from_json(data)
    except ValueError as error:
        raise Refused(400, NOT_JSON) from error
    if not isinstance(said, dict):
        raise Refused(400, NOT_JSON)
    kind = CancelFrame if "cancel" in said else ResumeFrame if "resume" in said else ChatRequest
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        names = ", ".join(".".join(map(str, wrong["loc"])) for wrong in error.errors())
        raise Refused(422, f"요청 형식이 올바르지 않습니다: {names}") from error


def _is_same_origin(socket: WebSocket) -> bool:
    """Whether it is not a page of another origin that asks: a browser would let any open a socket."""
    origin = socket.headers.get("origin")
    return origin is None or origin.partition("://")[2] == socket.headers.get("host")
