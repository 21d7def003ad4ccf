"""The chat function: HTTP in, one domain call, a stream or a body out.

The same app stands behind two doors: `handler` collects the body for API Gateway, a buffered Function URL and
`sam local start-api`; `run.sh` serves it with uvicorn behind the Lambda Web Adapter, and streams.
"""

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import WithJsonSchema

from faqchat import bootstrap, sse, suggest
from faqchat.adapters import document, openai_api, problems, socket
from faqchat.adapters.buffered import Buffered
from faqchat.adapters.correlation import Correlation
from faqchat.adapters.edge import Edge
from faqchat.catalogue import Catalogues
from faqchat.conversation import Conversation
from faqchat.errors import InvalidRequest
from faqchat.events import (
    EVENT_ID,
    FAQ_ID,
    SESSION_ID,
    TURN_ID,
    Cancelled,
    ChatRequest,
    FeedbackRequest,
    Numbered,
    Problem,
    Suggestions,
    WholeEntry,
)
from faqchat.ports import History
from faqchat.readiness import Check, Readiness, check_all
from faqchat.reply import ChatReply, collect
from faqchat.suggest import TypeAhead
from faqchat.turns import Turns

STATIC = Path(__file__).parent / "static"
SESSION_TURNS = 200  # what a page shows again

CHAT_PROBLEMS = problems.documented(*problems.AT_BODY, 404, 409, 422, *problems.AT_STORES)
ID_PROBLEMS = problems.documented(404, 422, *problems.AT_STORES)
IDEMPOTENCY_KEY = r"^[\x21-\x7e]{1,255}$"
REPLAYED = {"idempotency-replayed": "true"}

app = FastAPI(
    title="SmartStore FAQ chat",
    version="1",
    description="Answers questions of Naver SmartStore sellers from the FAQ, as a stream of typed events.",
    redoc_url=None,
    responses=problems.documented(),
)


TurnsDep = Annotated[Turns, Depends(bootstrap.turns)]
HistoryDep = Annotated[History, Depends(bootstrap.history)]
ChecksDep = Annotated[Mapping[str, Check], Depends(bootstrap.readiness_checks)]
CataloguesDep = Annotated[Catalogues, Depends(bootstrap.catalogues)]
TypeAheadDep = Annotated[TypeAhead, Depends(bootstrap.type_ahead)]
CorrelationDep = Annotated[Correlation, Depends(problems.correlation)]
Typed = Annotated[str, Query(max_length=suggest.MAX_CHARS)]
FaqId = Annotated[str, PathParameter(pattern=FAQ_ID)]
IfNoneMatch = Annotated[str, Header()]
SessionId = Annotated[str, PathParameter(pattern=SESSION_ID)]
TurnId = Annotated[str, PathParameter(pattern=TURN_ID)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=IDEMPOTENCY_KEY,
        description="As unguessable as a UUID: a repeat of key and body is given the first one's answer.",
    ),
    # a header is a text or is not there, and never null
    WithJsonSchema({"type": "string", "pattern": IDEMPOTENCY_KEY}),
]
LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", pattern=EVENT_ID, description="The `id` of the event of this turn that came last."),
    WithJsonSchema({"type": "string", "pattern": EVENT_ID}),
]


@app.post(
    "/v1/chat/stream",
    response_class=StreamingResponse,
    responses={200: document.EVENT_STREAM, **CHAT_PROBLEMS},
)
async def stream_chat(request: ChatRequest, turns: TurnsDep, ids: CorrelationDep, key: Key = None) -> StreamingResponse:
    """Answer a message as server-sent events. The turn goes on for a while when its reader is cut off: resume it."""
    answer = await turns.begin(request, partial(problems.reported, ids=ids), key=key)
    return _stream(answer.turn_id, answer.events, answer.replayed)


@app.post("/v1/chat", responses=CHAT_PROBLEMS)
async def whole_chat(
    request: ChatRequest, turns: TurnsDep, ids: CorrelationDep, response: Response, key: Key = None
) -> ChatReply:
    """Answer a message in one piece."""
    answer = await turns.begin(request, partial(problems.reported, ids=ids), key=key)
    async with aclosing(answer.events) as events:
        reply = await collect(numbered.event async for numbered in events)
    if isinstance(reply, Problem):
        raise problems.Interrupted(reply)
    response.headers.update(REPLAYED if answer.replayed else {})
    return reply


@app.get(
    "/v1/turns/{turn_id}/events",
    response_class=StreamingResponse,
    responses={200: document.EVENT_STREAM, 204: {"description": "nothing comes after that event"}, **ID_PROBLEMS},
)
async def resume_turn(turn_id: TurnId, turns: TurnsDep, last_event_id: LastEventId = None) -> Response:
    """What a turn says after the event that was received last, live until its end; all of it without such an id."""
    events = await turns.resume(turn_id, _number(last_event_id, turn_id))
    return _stream(turn_id, events) if events else Response(status_code=204)


@app.post("/v1/turns/{turn_id}/cancel", status_code=202, responses=ID_PROBLEMS)
async def cancel_turn(turn_id: TurnId, turns: TurnsDep) -> Cancelled:
    """Stop a turn, wherever it runs: its stream ends with `done`, and what was said until then is stored."""
    return Cancelled(turn_id=turn_id, status=await turns.cancel(turn_id))


@app.post(
    "/v1/turns/{turn_id}/feedback", status_code=204, responses=ID_PROBLEMS | problems.documented(*problems.AT_BODY)
)
async def rate_turn(turn_id: TurnId, feedback: FeedbackRequest, turns: TurnsDep) -> None:
    """Say what an answer was worth; said again, it counts instead."""
    await turns.rate(turn_id, feedback)


@app.get("/v1/sessions/{session_id}", responses=ID_PROBLEMS)
async def read_session(session_id: SessionId, history: HistoryDep) -> Conversation:
    """Read a conversation again, oldest turn first."""
    return Conversation(session_id=session_id, turns=tuple(await history.recent(session_id, SESSION_TURNS)))


@app.delete("/v1/sessions/{session_id}", status_code=204, responses=ID_PROBLEMS)
async def delete_session(session_id: SessionId, turns: TurnsDep) -> None:
    """Delete a conversation for good."""
    await turns.forget(session_id)


@app.get("/v1/faq/suggest", responses=problems.documented(422, *problems.AT_STORES))
async def suggest_entries(
    catalogues: CataloguesDep,
    type_ahead: TypeAheadDep,
    response: Response,
    q: Typed = "",
    limit: Annotated[int, Query(ge=1, le=suggest.LIMIT)] = 6,
) -> Suggestions:
    """Entries that the text typed so far may become; examples of the FAQ's largest tags while nothing is typed."""
    response.headers["cache-control"] = "private, max-age=60"
    return Suggestions(suggestions=type_ahead.suggest(q, await catalogues.current(), limit))


@app.get("/v1/faq/{faq_id}", responses={200: {"model": WholeEntry}, 304: {"description": "unchanged"}, **ID_PROBLEMS})
async def read_entry(faq_id: FaqId, catalogues: CataloguesDep, if_none_match: IfNoneMatch = "") -> Response:
    """Read a FAQ entry in full. Its id lasts, its answer may change with the next ingest."""
    body = (await catalogues.current()).entry(faq_id).model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if tag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process serves; says nothing of what it depends on."""
    return {"status": "ok"}


@app.get("/readyz", responses={503: {"model": Readiness, "description": "Questions cannot be answered at all"}})
async def readyz(checks: ChecksDep, response: Response) -> Readiness:
    """Whether each dependency answers, by name."""
    state = await check_all(checks)
    response.status_code = 200 if state.ready else 503
    return state


def _stream(turn_id: str, events: AsyncGenerator[Numbered, None], replayed: bool = False) -> StreamingResponse:
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"} | (REPLAYED if replayed else {})
    body = sse.encode(turn_id, events, bootstrap.settings().heartbeat_s)
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


def _number(event_id: str | None, turn_id: str) -> int:
    """The number of an event of this turn; -1, before the first one, without an id."""
    if event_id is None:
        return -1
    named, _, number = event_id.partition(":")
    if named != turn_id:
        raise InvalidRequest("Last-Event-ID가 이 답변의 것이 아닙니다.")
    return int(number)


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The chat page."""
    return FileResponse(STATIC / "index.html")


@app.get("/favicon.ico", include_in_schema=False, status_code=204)
async def favicon() -> None:
    """Browsers ask for it whatever the page says."""


app.include_router(openai_api.router(bootstrap.turns, bootstrap.catalogues, bootstrap.settings))
app.include_router(socket.router(bootstrap.turns))
app.mount("/static", StaticFiles(directory=STATIC), name="static")


problems.install(app)
document.describe(app)
app.add_middleware(Edge, docs_url=app.docs_url)
handler = Buffered(app)
bootstrap.preload()
