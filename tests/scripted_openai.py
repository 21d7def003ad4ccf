"""An OpenAI-compatible server that does what a test tells it to, over real HTTP on 127.0.0.1.

Enqueue replies, read back what was asked, see who hung up. Without a script it quotes the first source of the prompt,
and its embeddings put similar texts near each other, so that people can try the model path by hand:

    python -m tests.scripted_openai --port 8090
    FAQCHAT_CHAT_MODEL=scripted FAQCHAT_CHAT_BASE_URL=http://127.0.0.1:8090/v1 python -m local up
"""

import argparse
import asyncio
import base64
import json
import math
import re
import socket
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

USAGE = {"prompt_tokens": 900, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 512}}
EMBEDDING_WIDTH = 256

Step = Callable[["_Connection"], Awaitable[None]]


@dataclass(frozen=True)
class Stream:
    """A reply of server-sent events, step by step."""

    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Reply:
    """A reply with one body; `tamper` changes the payload of an unscripted reply instead."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    tamper: Callable[[Any], None] | None = None


@dataclass
class Exchange:
    """One request and what became of it."""

    path: str
    headers: dict[str, str]
    body: Any
    connection: int
    sent_at: list[float] = field(default_factory=list)
    finished: threading.Event = field(default_factory=threading.Event)
    client_left: threading.Event = field(default_factory=threading.Event)


def answer(*pieces: str | Step, finish: str | None = "stop", usage: Any = USAGE, done: bool = True) -> Stream:
    """A streamed completion as OpenAI sends it; a piece may be text or a step of its own."""
    steps: list[Step] = [_chunk({"role": "assistant", "content": ""})]
    steps += [text(piece) if isinstance(piece, str) else piece for piece in pieces]
    if finish:
        steps.append(_chunk({}, finish))
    if usage:
        steps.append(event({"choices": [], "usage": usage}))
    if done:
        steps.append(raw(b"data: [DONE]\n\n"))
    return Stream(tuple(steps))


def text(piece: str) -> Step:
    """A content delta."""
    return _chunk({"content": piece})


def thought(piece: str) -> Step:
    """A delta of `reasoning_content`, as servers with a reasoning parser send it."""
    return _chunk({"content": None, "reasoning_content": piece})


def event(payload: Any) -> Step:
    """Any JSON as one event."""
    return raw(f"data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode())


def raw(data: bytes) -> Step:
    """Bytes as they are."""

    async def step(connection: "_Connection") -> None:
        connection.send(data)

    return step


def pause(seconds: float) -> Step:
    """Silence, with the connection open."""

    async def step(connection: "_Connection") -> None:
        await asyncio.sleep(seconds)

    return step


def hang() -> Step:
    """Silence for good."""
    return pause(3_600)


def until(gate: threading.Event) -> Step:
    """Silence until the test opens the gate."""

    async def step(connection: "_Connection") -> None:
        while not gate.is_set():  # noqa: ASYNC110 - the gate belongs to another thread
            await asyncio.sleep(0.002)

    return step


def reset() -> Step:
    """The connection is torn down with a TCP reset."""

    async def step(connection: "_Connection") -> None:
        await asyncio.sleep(0.05)  # a reset may overtake data that the client has not read yet
        connection.abort()

    return step


def truncate() -> Step:
    """The body ends in good order, as behind a proxy whose upstream has died."""

    async def step(connection: "_Connection") -> None:
        raise _EndOfBody

    return step


def failure(status: int, code: str = "server_error", **headers: str) -> Reply:
    """An error as OpenAI sends it; `retry_after="1"` becomes a header."""
    body = {"error": {"message": "scripted", "type": code, "code": code, "param": None}}
    return Reply(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def tampered(change: Callable[[Any], None]) -> Reply:
    """What the server would have answered, changed."""
    return Reply(tamper=change)


class ScriptedOpenAI:
    """The server, in a thread of its own; a context manager. An empty queue means an honest answer."""

    def __init__(self, port: int = 0, delay_s: float = 0.0) -> None:
        self.chat: deque[Stream | Reply] = deque()
        self.embeddings: deque[Stream | Reply] = deque()
        self.exchanges: list[Exchange] = []
        self.arrived = threading.Event()  # any request has come
        self.delay_s = delay_s
        self.port = port
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._open: set[_Connection] = set()
        self._counter = 0
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="scripted-openai", daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> list[Any]:
        """The bodies of all requests, oldest first."""
        return [exchange.body for exchange in self.exchanges]

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(5):
            raise RuntimeError("the scripted server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await self._loop.create_server(self._connection, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for connection in list(self._open):
            connection.abort()
        await asyncio.sleep(0)  # connection_lost is called, tasks are cancelled
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

    def _connection(self) -> "_Connection":
        self._counter += 1
        return _Connection(self, self._counter, self._open)

    def reply_to(self, exchange: Exchange) -> Stream | Reply:
        """The next reply of the script, or an honest one."""
        if exchange.path == "/v1/models":
            return Reply({"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "tests"}]})
        honest, script = {
            "/v1/chat/completions": (self._honest_completion, self.chat),
            "/v1/embeddings": (_honest_embeddings, self.embeddings),
        }.get(exchange.path, (None, None))
        if honest is None or script is None:
            return failure(404, "not_found")
        scripted = script.popleft() if script else Reply(tamper=lambda payload: None)
        if isinstance(scripted, Stream) or scripted.tamper is None:
            return scripted
        reply = honest(exchange.body)
        if isinstance(reply, Reply):
            scripted.tamper(reply.body)
        return reply

    def _honest_completion(self, body: Any) -> Stream | Reply:
        said = _first_source(body["messages"][-1]["content"])
        if not body.get("stream"):
            message = {"role": "assistant", "content": said}
            return Reply({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE})
        pieces: list[str | Step] = []
        for word in re.findall(r"\S+\s*", said):
            pieces += [pause(self.delay_s), word]
        return answer(*pieces)


class _EndOfBody(Exception):
    pass


class _Connection(asyncio.Protocol):
    """One TCP connection; the protocol's `connection_lost` is how a client that leaves is noticed at once."""

    transport: asyncio.Transport

    def __init__(self, server: ScriptedOpenAI, number: int, registry: "set[_Connection]") -> None:
        self._server = server
        self._number = number
        self._registry = registry
        self._received = b""
        self._task: asyncio.Task[None] | None = None
        self._exchange: Exchange | None = None
        self._head_sent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._registry.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._registry.discard(self)
        if self._exchange and not self._exchange.finished.is_set():
            self._exchange.client_left.set()
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._received = rest[length:]
        path = request.split(" ")[1].partition("?")[0]
        self._exchange = Exchange(path, headers, json.loads(rest[:length] or b"null"), self._number)
        self._server.exchanges.append(self._exchange)
        self._server.arrived.set()
        self._head_sent = False
        self._task = asyncio.get_running_loop().create_task(self._answer(self._exchange))

    async def _answer(self, exchange: Exchange) -> None:
        reply = self._server.reply_to(exchange)
        if isinstance(reply, Reply):
            body = json.dumps(reply.body, ensure_ascii=False).encode()
            self._head(reply.status, {"content-type": "application/json", **reply.headers}, len(body))
            self.transport.write(body)
        else:
            try:
                for step in reply.steps:
                    await step(self)
            except _EndOfBody:
                pass
            self.transport.write(b"0\r\n\r\n")
        exchange.finished.set()

    def send(self, data: bytes) -> None:
        """A piece of a streamed body; the first one sends the headers."""
        if not self._head_sent:
            self._head(200, {"content-type": "text/event-stream; charset=utf-8"})
        if data:
            self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))
        if self._exchange:
            self._exchange.sent_at.append(time.monotonic())

    def abort(self) -> None:
        """Reset the connection."""
        link: socket.socket = self.transport.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self._exchange:
            self._exchange.finished.set()  # it was not the client who left
        self.transport.abort()

    def _head(self, status: int, headers: dict[str, str], length: int | None = None) -> None:
        self._head_sent = True
        framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        lines = [f"HTTP/1.1 {status} Scripted", framing, *(f"{name}: {value}" for name, value in headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))


def _chunk(delta: dict[str, Any], finish: str | None = None) -> Step:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], "usage": None})


def _first_source(prompt: str) -> str:
    found = re.search(r"^\[1\] (?P<title>.+)\n(?P<body>.+?)(?=\n\n\[2\] |\n</|\Z)", prompt, re.DOTALL | re.MULTILINE)
    if not found:
        return "문의하신 내용은 FAQ에서 확인되지 않습니다."
    return f"{found['title']} 관련 안내입니다. [1]\n\n{found['body'][:400]}"


def embed(content: str) -> list[float]:
    """A bag of hashed character pairs and triples, of unit length: shared wording means nearness."""
    folded = f" {' '.join(content.lower().split())} "
    vector = [0.0] * EMBEDDING_WIDTH
    for size in (2, 3):
        for gram in _grams(folded, size):
            vector[zlib.crc32(gram.encode("utf-8", "replace")) % EMBEDDING_WIDTH] += 1.0
    length = math.hypot(*vector) or 1.0
    return [value / length for value in vector]


def _grams(content: str, size: int) -> Iterable[str]:
    return (content[start : start + size] for start in range(len(content) - size + 1))


def _honest_embeddings(body: Any) -> Reply:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    packed = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
        for index, vector in enumerate(map(embed, texts))
    ]
    return Reply({"object": "list", "model": body["model"], "data": data, "usage": {"prompt_tokens": 0}})


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.scripted_openai", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--delay", type=float, default=0.03, help="seconds between two words")
    options = parser.parse_args()
    with ScriptedOpenAI(options.port, options.delay) as server:
        print(f"OpenAI-compatible, scripted: {server.base_url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
