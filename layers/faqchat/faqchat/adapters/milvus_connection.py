"""How Milvus is reached: one synchronous client, made at first use, whose calls run in threads of their own.

Not `AsyncMilvusClient`: pymilvus calls it experimental, against Milvus Lite its `create_index` fails (it asks for
AllocTimestamp, which Lite does not have), it is bound to one event loop where Mangum makes a loop an event, and its
searches are no faster.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from faqchat.errors import Busy, Unavailable

THREADS = 16  # four searches a turn; apart from the default pool, so that a Milvus that hangs stalls nothing else

RATE_LIMITED = 8
COLLECTION_MISSING = 100
COLLECTION_NOT_LOADED = 101
ALIAS_MISSING = 1600

# A server that came back is found after 0.2 s instead of 1.4 s: gRPC otherwise waits longer after every failure,
# and shares that waiting with every channel of the process.
_GRPC_OPTIONS = {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 500,
}

_Result = TypeVar("_Result")


class MilvusConnection:
    """Runs work against a Milvus server and says in the domain's words what went wrong."""

    def __init__(self, uri: str, token: str, timeout_s: float) -> None:
        self._uri = uri
        self._token = token
        self._timeout_s = timeout_s
        self._client: Any = None
        self._making = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="milvus")

    async def run(self, collection: str, work: Callable[[Any], _Result]) -> _Result:
        """The result of `work(client)`, which is about a collection or alias; loads that first where it must be."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, collection, work)

    async def aclose(self) -> None:
        """Close the connection; a later call opens another."""
        with self._making:
            client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    def _run(self, collection: str, work: Callable[[Any], _Result]) -> _Result:
        import grpc  # noqa: PLC0415 # with pymilvus, 2 s: whoever builds the app does not pay for it
        from pymilvus.exceptions import MilvusException  # noqa: PLC0415

        try:
            client = self._connected()
            try:
                return work(client)
            except MilvusException as error:
                if error.code != COLLECTION_NOT_LOADED:
                    raise
                # Milvus Lite forgets at a restart what was loaded; a Milvus server does not.
                client.load_collection(collection, timeout=self._timeout_s)
                return work(client)
        except MilvusException as error:
            raise _translated(error.code, collection) from error
        except grpc.RpcError as error:  # pymilvus lets some through as they are
            if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise Busy("milvus asked us to slow down") from error
            raise Unavailable(f"milvus did not answer ({error.code().name})") from error

    def _connected(self) -> Any:
        with self._making:
            if self._client is None:
                from pymilvus import MilvusClient  # noqa: PLC0415 # as above

                # It logs each error with its trace before it raises it; what is raised here is logged at the edge.
                logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
                self._client = MilvusClient(
                    self._uri,
                    token=self._token,
                    timeout=self._timeout_s,
                    grpc_options=_GRPC_OPTIONS,
                )
            return self._client


def _translated(code: int, collection: str) -> Unavailable:
    if code == RATE_LIMITED:
        return Busy("milvus asked us to slow down")
    if code in {COLLECTION_MISSING, ALIAS_MISSING}:
        return Unavailable(f"milvus has no {collection!r}: nothing was ingested yet, run ingest")
    return Unavailable(f"milvus cannot be reached or failed (code {code})")
