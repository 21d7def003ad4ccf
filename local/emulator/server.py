"""ministack, made to keep conversations over a `kill -9` as well; runs in the emulator's own environment.

ministack 1.5.33 writes its DynamoDB state at shutdown only and has no call that asks for it: killed, it loses every
conversation since its start. So this wraps its ASGI application, notes DynamoDB writes, and saves within about a second
through ministack's own persistence. S3 objects are on disk at once by its own means; queues are saved at shutdown.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ministack import app as ministack  # type: ignore[import-not-found,unused-ignore]  # not in the project's environment
from ministack.core import persistence  # type: ignore[import-not-found,unused-ignore]
from ministack.services import dynamodb  # type: ignore[import-not-found,unused-ignore]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

SAVE_EVERY_S = 1.0
SAVE_SHARE = 20  # a save that takes 0.2 s is followed by 4 s of rest: at most a twentieth of the time goes into saving
READS = (b"Get", b"Query", b"Scan", b"BatchGet", b"TransactGet", b"Describe", b"List")


class SavesWrites:
    """The application, and beside it the task that saves what it has been told to keep."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._written = asyncio.Event()
        self._stopping = asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass everything on; a DynamoDB request that is no read asks for a save when it is answered."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        await self._app(scope, receive, send)
        target = dict(scope.get("headers", ())).get(b"x-amz-target", b"")
        service, _, operation = target.partition(b".")
        if service.startswith(b"DynamoDB_") and not operation.startswith(READS):
            self._written.set()

    async def _lifespan(self, scope: Message, receive: Receive, send: Send) -> None:
        saving = asyncio.create_task(self._save_writes())

        async def receive_after_last_save() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":  # ministack saves now, through the same temporary file
                self._stopping.set()
                self._written.set()
                await saving
            return message

        await self._app(scope, receive_after_last_save, send)

    async def _save_writes(self) -> None:
        while True:
            await self._written.wait()
            if self._stopping.is_set():
                return
            self._written.clear()
            began = time.perf_counter()
            with dynamodb._lock:  # the reaper of expired items, a thread, takes it too
                state = dynamodb.get_state()  # on the loop, where all writes happen: a consistent copy
            await asyncio.to_thread(persistence.save_state, "dynamodb", state)
            rest = max(SAVE_EVERY_S, SAVE_SHARE * (time.perf_counter() - began))
            try:
                await asyncio.wait_for(self._stopping.wait(), timeout=rest)
            except TimeoutError:
                continue


def main() -> None:
    """Run ministack's own `main` around the wrapped application; its environment variables configure it."""
    ministack.app = SavesWrites(ministack.app)
    ministack.main()


if __name__ == "__main__":
    main()
