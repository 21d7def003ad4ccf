"""Around every request: its ids, a limit to its body, the headers of its answer, and nothing that leaks."""

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from faqchat.adapters import problems, telemetry
from faqchat.adapters.correlation import correlate

MAX_BODY_BYTES = 64_000  # 2,000 characters of Korean are 6 KB; the rest is room for escapes
LARGER_BODIES = {"/v1/chat/completions": 1_000_000}  # its clients send the whole conversation each time
# The API's own page at /docs is left out: it loads Swagger UI from a CDN.
CONTENT_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
HEADERS = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Edge:
    """Names each request, refuses bodies that no question needs, sets the headers of all answers, and lets no bug out.

    Plain ASGI, so streams pass untouched.
    """

    def __init__(self, app: ASGIApp, docs_url: str | None) -> None:
        self._app = app
        self._docs_url = docs_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        ids = correlate(scope)
        scope.setdefault("state", {})["correlation"] = ids
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        telemetry.adopt_trace(ids)
        most = LARGER_BODIES.get(scope["path"], MAX_BODY_BYTES)
        received = 0
        begun = False

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
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
                if scope["path"] != self._docs_url:
                    headers.setdefault("content-security-policy", CONTENT_POLICY)
            await send(message)

        try:
            await self._app(scope, limited, with_headers)
        except Exception as error:  # noqa: BLE001 # the server would log what it says, and that may be the message
            problem = problems.of_bug(error, ids.request_id)
            if begun:
                raise ConnectionAbortedError("the answer broke off") from None
            await problems.response(problem)(scope, receive, with_headers)
