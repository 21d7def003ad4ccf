"""A stand-in for a Function URL on 127.0.0.1: it checks signatures as AWS_IAM does, adds CORS headers, and streams.

What it answers is a script of the test's, or comes from a chat server behind it.
"""

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN//////////w=="
REGION = "ap-northeast-2"
MISMATCH = "The request signature we calculated does not match the signature you provided."
EVENTS = (("start", {"session_id": "s" * 32}), ("delta", {"text": "구매자가 "}), ("delta", {"text": "냅니다."}))
DONE = ("done", {"degraded": []})
PATIENCE_S = 30.0

_ALGORITHM = "AWS4-HMAC-SHA256 "
_FORWARDED = ("content-type", "accept")


class Request(NamedTuple):
    """What arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answering:
    """The way back to the client, piece by piece."""

    def __init__(self, handler: BaseHTTPRequestHandler, origin: str) -> None:
        self._handler = handler
        self._own = {"transfer_encoding": "chunked", "connection": "close"}
        if origin:
            self._own["access_control_allow_origin"] = origin

    def head(self, status: int, **headers: str) -> None:
        self._handler.send_response(status)
        for name, value in {**headers, **self._own}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()

    def send(self, data: bytes) -> None:
        """A piece of the body; nothing is its end."""
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, name: str, data: dict[str, Any]) -> None:
        self.send(f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())


class FunctionURL:
    """The server, in threads of its own; a context manager."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.signed_only = False  # AuthType: AWS_IAM
        self.expired = False  # the token is
        self.origin = ""  # AllowOrigins; none: no CORS
        self.reply: Callable[[Request, Answering], None] = self.stream
        self.ends = [DONE]  # what of `stream` comes behind the gate
        self.gate = threading.Event()
        self.gate.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="function-url")
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def stream(self, _: Request, to: Answering) -> None:
        """An answer, the end of which waits for the gate."""
        to.head(200, content_type="text/event-stream")
        for event in EVENTS:
            to.event(*event)
        assert self.gate.wait(PATIENCE_S)
        for event in self.ends:
            to.event(*event)
        to.send(b"")

    def says(self, status: int, body: str, kind: str = "application/json", **headers: str) -> None:
        """From now on it answers with this body."""

        def reply(_: Request, to: Answering) -> None:
            to.head(status, content_type=kind, **headers)
            if body:
                to.send(body.encode())
            to.send(b"")

        self.reply = reply

    def invokes(self, chat_url: str) -> None:
        """From now on a chat server answers."""

        def reply(request: Request, to: Answering) -> None:
            headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
            with (
                httpx.Client(base_url=chat_url, timeout=PATIENCE_S, trust_env=False) as chat,
                chat.stream(request.method, request.path, headers=headers, content=request.body) as answer,
            ):
                to.head(answer.status_code, content_type=answer.headers["content-type"])
                for data in answer.iter_raw():
                    to.send(data)
                to.send(b"")

        self.reply = reply

    def refusal(self, request: Request) -> str:
        """What AWS says to a request with this signature; nothing where it is right."""
        headers = request.headers
        if "authorization" not in headers:
            return "Forbidden"
        fields = dict(part.split("=", 1) for part in headers["authorization"].removeprefix(_ALGORITHM).split(", "))
        names = fields["SignedHeaders"].split(";")
        if not {"host", "x-amz-date", *(name for name in headers if name.startswith("x-amz-"))} <= {*names}:
            return "A header that must be signed is not"
        digest = hashlib.sha256(request.body).hexdigest()
        if headers.get("x-amz-content-sha256", digest) != digest:
            return "The body is not the one that was signed"
        if headers.get("x-amz-security-token", "") != TOKEN or self.expired:
            return "The security token included in the request is expired"
        if fields["Signature"] != _signature(request, fields["Credential"], names):
            return f"{MISMATCH}\n\nThe Canonical String for this request should have been\n'{TOKEN}'"
        return ""

    def _answer(self, request: Request, to: Answering) -> None:
        if request.method == "OPTIONS":  # AWS answers a preflight itself
            to.head(200, access_control_allow_methods="POST", access_control_allow_headers="content-type")
            to.send(b"")
            return
        self.requests.append(request)
        if self.signed_only and (refusal := self.refusal(request)):
            self.says(403, json.dumps({"message": refusal}))
        self.reply(request, to)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        function_url = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with suppress(ConnectionError):  # the client left
                    function_url._answer(
                        Request(self.command, self.path, headers, body), Answering(self, function_url.origin)
                    )

            do_GET = do_POST = do_OPTIONS = answer  # noqa: N815 # the server's names for them

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _signature(request: Request, credential: str, names: list[str]) -> str:
    """The signature that a request should have, from what arrived and from the secret that AWS knows."""
    parts = urlsplit(request.path)
    key, date, region, service, _ = credential.split("/")
    signed = {name: request.headers[name] for name in names}
    assert (key, region, service) == (KEY, REGION, "lambda")
    assert signed["x-amz-date"].startswith(date)
    received = AWSRequest(
        request.method,
        f"http://{signed['host']}{parts.path}",
        signed,
        request.body,
        params=parse_qsl(parts.query, keep_blank_values=True),
    )
    received.context["timestamp"] = signed["x-amz-date"]
    signer = SigV4Auth(Credentials(KEY, SECRET), service, region)
    return signer.signature(signer.string_to_sign(received, signer.canonical_request(received)), received)
