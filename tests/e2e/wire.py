"""The ways from a chat server to its services, for a test to cut, to freeze and to mend."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from typing import Any, Self

from local.layout import HOST, Layout
from tests.e2e.product import free_port

CHUNK = 65_536


class Wire:
    """Forwards a port of its own to the service's. A context manager; runs in a thread of its own."""

    def __init__(self, service: int, host: str = HOST) -> None:
        self.host = host
        self.port = free_port()
        self._service = service
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"wire-{service}", daemon=True)
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()

    def cut(self) -> None:
        """As when the service is dead: connections are reset, new ones refused."""
        self._do(self._cut())

    def freeze(self) -> None:
        """As when the service hangs: connections are taken and stay open, and nothing is ever said on them."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def mend(self) -> None:
        """As when the service is well."""
        self._do(self._mend())

    def __enter__(self) -> Self:
        self._thread.start()
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _mend(self) -> None:
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, self.host, self.port)

    async def _cut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for carrying in self._carrying:
            carrying.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this
        self._carrying.add(this)
        with suppress(OSError, asyncio.CancelledError):
            to_reader, to_writer = await asyncio.open_connection(HOST, self._service)
            pumps = [asyncio.create_task(self._pump(*way)) for way in ((reader, to_writer), (to_reader, writer))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                to_writer.transport.abort()
        writer.transport.abort()
        self._carrying.discard(this)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()


class Wires:
    """A wire to each service that a chat server needs. A context manager."""

    def __init__(self, layout: Layout) -> None:
        self.vectors = Wire(layout.vector_port)
        self.embeddings = Wire(layout.embedding_port)
        self.aws = Wire(layout.aws_port)
        self.all = (self.vectors, self.embeddings, self.aws)
        self._exits = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """What leads a chat server over these wires; it waits two seconds at most for vectors and embeddings."""
        aws = f"http://{HOST}:{self.aws.port}"
        return {
            "FAQCHAT_MILVUS_URI": f"http://{HOST}:{self.vectors.port}",
            "FAQCHAT_MILVUS_TIMEOUT_S": "2",
            "FAQCHAT_EMBEDDING_BASE_URL": f"http://{HOST}:{self.embeddings.port}/v1",
            "FAQCHAT_EMBEDDING_TIMEOUT_S": "2",
            "AWS_ENDPOINT_URL": aws,
            "AWS_ENDPOINT_URL_DYNAMODB": aws,
            "AWS_ENDPOINT_URL_S3": aws,
        }

    def mend(self) -> None:
        """All is well."""
        for wire in self.all:
            wire.mend()

    def __enter__(self) -> Self:
        for wire in self.all:
            self._exits.enter_context(wire)
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()
