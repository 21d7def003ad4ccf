"""The chat function: HTTP in, one domain call, a stream or a body out.

The same app stands behind two doors: `handler` collects the body for API Gateway, a buffered Function URL and
`sam local start-api`; `run.sh` serves it with uvicorn behind the Lambda Web Adapter, and streams.
"""

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from faqchat import bootstrap, sse
from faqchat.adapters import telemetry
from faqchat.adapters.buffered import Buffered
from faqchat.adapters.correlation import Correlation, correlate
from faqchat.catalogue import Catalogues
from faqchat.chat import ChatService
from faqchat.conversation import Turn
from faqchat.errors import Busy, Conflict, FaqChatError, InvalidRequest, NotFound, Unavailable
from faqchat.events import FAQ_ID, SESSION_ID, ChatRequest, Event, Problem, WholeEntry
from faqchat.ports import History
from faqchat.readiness import Check, Readiness, check_all
from faqchat.reply import ChatReply, collect

STATIC = Path(__file__).parent / "static"
MAX_BODY_BYTES = 64_000  # 2,000 characters of Korean are 6 KB; the rest is room for escapes
SESSION_TURNS = 200  # what a page shows again

# The most specific class first. What an error says stays with the operators; end users read these.
STATUS: Mapping[type[FaqChatError], tuple[int, str]] = {
    InvalidRequest: (422, "요청을 이해하지 못했습니다."),
    NotFound: (404, "대화나 항목을 찾을 수 없습니다. 기간이 지났거나 삭제되었을 수 있습니다."),
    Conflict: (409, "같은 대화에서 다른 요청을 처리하고 있습니다. 잠시 후 다시 시도해 주세요."),
    Busy: (429, "지금 이용자가 많습니다. 잠시 후 다시 시도해 주세요."),
    Unavailable: (503, "지금은 답변을 준비할 수 없습니다. 잠시 후 다시 시도해 주세요."),
    FaqChatError: (500, "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해 주세요."),
}
HTTP_DETAILS = {
    404: "없는 주소입니다.",
    405: "이 주소에서는 지원하지 않는 요청 방식입니다.",
    413: "요청이 너무 큽니다.",
    415: "요청 본문은 application/json 형식이어야 합니다.",
}
# The API's own page at /docs is left out: it loads Swagger UI from a CDN.
CONTENT_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
HEADERS = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

app = FastAPI(
    title="SmartStore FAQ chat",
    version="1",
    description="Answers questions of Naver SmartStore sellers from the FAQ, as a stream of typed events.",
    redoc_url=None,
    responses={"default": {"model": Problem, "description": "What went wrong, RFC 9457"}},
)


class Interrupted(Exception):
    """A turn ended in a problem while its events were being collected."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


def correlation(request: Request) -> Correlation:
    """The ids of a request, as `Edge` found them."""
    found: Correlation = request.state.correlation
    return found


ChatDep = Annotated[ChatService, Depends(bootstrap.chat_service)]
HistoryDep = Annotated[History, Depends(bootstrap.history)]
ChecksDep = Annotated[Mapping[str, Check], Depends(bootstrap.readiness_checks)]
CataloguesDep = Annotated[Catalogues, Depends(bootstrap.catalogues)]
CorrelationDep = Annotated[Correlation, Depends(correlation)]
FaqId = Annotated[str, PathParameter(pattern=FAQ_ID)]
IfNoneMatch = Annotated[str, Header()]
SessionId = Annotated[str, PathParameter(pattern=SESSION_ID)]


@app.post(
    "/v1/chat/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "start, sources, delta…, followups, done"}},
)
async def stream_chat(request: ChatRequest, chat: ChatDep, ids: CorrelationDep) -> StreamingResponse:
    """Answer a message as server-sent events."""
    body = sse.encode(await _begun(chat.stream(request), ids), bootstrap.settings().heartbeat_s)
    return StreamingResponse(
        body, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
    )


@app.post("/v1/chat")
async def whole_chat(request: ChatRequest, chat: ChatDep, ids: CorrelationDep) -> ChatReply:
    """Answer a message in one piece."""
    reply = await collect(await _begun(chat.stream(request), ids))
    if isinstance(reply, Problem):
        raise Interrupted(reply)
    return reply


@app.get("/v1/sessions/{session_id}")
async def read_session(session_id: SessionId, history: HistoryDep) -> dict[str, Any]:
    """Read a conversation again, oldest turn first."""
    turns = await history.recent(session_id, SESSION_TURNS)
    return {"session_id": session_id, "turns": [shown(turn) for turn in turns]}


@app.delete("/v1/sessions/{session_id}", status_code=204)
async def delete_session(session_id: SessionId, history: HistoryDep) -> None:
    """Delete a conversation for good."""
    await history.delete(session_id)


@app.get("/v1/faq/{faq_id}", responses={200: {"model": WholeEntry}, 304: {"description": "unchanged"}})
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


@app.get("/readyz")
async def readyz(checks: ChecksDep) -> JSONResponse:
    """Whether each dependency answers, by name; 503 when questions cannot be answered at all."""
    state: Readiness = await check_all(checks)
    return JSONResponse({"ready": state.ready, "parts": state.parts}, 200 if state.ready else 503)


def shown(turn: Turn) -> dict[str, Any]:
    """A stored turn as its reader sees it: without what it cost."""
    return turn.model_dump(mode="json", exclude={"session_id", "query", "usage", "cost_usd"})


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The chat page."""
    return FileResponse(STATIC / "index.html")


@app.get("/favicon.ico", include_in_schema=False, status_code=204)
async def favicon() -> None:
    """Browsers ask for it whatever the page says."""


app.mount("/static", StaticFiles(directory=STATIC), name="static")


async def _begun(events: AsyncGenerator[Event, None], ids: Correlation) -> AsyncGenerator[Event, None]:
    """A turn's events from the first on, which has come: what can be refused is refused before."""
    turn = telemetry.observed(events, ids)
    return _reported(await anext(turn), turn, ids.request_id)


async def _reported(first: Event, rest: AsyncGenerator[Event, None], request_id: str) -> AsyncGenerator[Event, None]:
    """A turn's events; a problem that ends it names the request, and so does what a bug in the middle becomes."""
    try:
        async with aclosing(rest) as events:
            yield first
            async for event in events:
                yield event.model_copy(update={"trace_id": request_id}) if isinstance(event, Problem) else event
    except Exception as error:  # noqa: BLE001 # an edge: `_bug` logs it
        yield _bug(error, request_id)


@app.exception_handler(FaqChatError)
async def _domain_error(request: Request, error: FaqChatError) -> JSONResponse:
    status, detail = next(known for kind, known in STATUS.items() if isinstance(error, kind))
    request_id = correlation(request).request_id
    if status >= 500:
        telemetry.failed(error, request_id)
    return _response(_problem(status, error.detail if isinstance(error, InvalidRequest) else detail, request_id))


@app.exception_handler(Interrupted)
async def _interrupted(_: Request, error: Interrupted) -> JSONResponse:
    return _response(error.problem)


@app.exception_handler(RequestValidationError)
async def _unreadable(request: Request, error: RequestValidationError) -> JSONResponse:
    kinds = {str(problem["type"]) for problem in error.errors()}
    names = [".".join(map(str, problem["loc"][1:])) for problem in error.errors()]
    sent_as = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and sent_as != "application/json":
        return _response(_problem(415, HTTP_DETAILS[415], correlation(request).request_id))
    if "json_invalid" in kinds:
        return _response(_problem(400, "요청 본문이 올바른 JSON이 아닙니다.", correlation(request).request_id))
    detail = f"요청 형식이 올바르지 않습니다: {', '.join(filter(None, names)) or '본문'}"
    return _response(_problem(422, detail, correlation(request).request_id))


@app.exception_handler(HTTPException)
async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    detail = HTTP_DETAILS.get(error.status_code, HTTPStatus(error.status_code).phrase)
    return _response(_problem(error.status_code, detail, correlation(request).request_id), error.headers)


def _bug(error: Exception, request_id: str) -> Problem:
    """What nobody foresaw, as the client is told; the operators are told where it happened."""
    telemetry.failed(error, request_id)
    return _problem(500, STATUS[FaqChatError][1], request_id)


def _problem(status: int, detail: str, trace_id: str) -> Problem:
    return Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail, trace_id=trace_id)


def _response(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        problem.model_dump(), problem.status, headers=dict(headers or {}), media_type="application/problem+json"
    )


class Edge:
    """Names each request, refuses bodies that no question needs, sets the headers of all answers, and lets no bug out.

    Plain ASGI, so streams pass untouched.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ids = correlate(scope)
        scope.setdefault("state", {})["correlation"] = ids
        telemetry.adopt_trace(ids)
        received = 0
        begun = False

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = ids.request_id
                if scope["path"] != app.docs_url:
                    headers.setdefault("content-security-policy", CONTENT_POLICY)
            await send(message)

        try:
            await self._app(scope, limited, with_headers)
        except Exception as error:  # noqa: BLE001 # the server would log what it says, and that may be the message
            problem = _bug(error, ids.request_id)
            if begun:
                raise ConnectionAbortedError("the answer broke off") from None
            await _response(problem)(scope, receive, with_headers)


app.add_middleware(Edge)
handler = Buffered(app)
bootstrap.preload()
