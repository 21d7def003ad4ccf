"""Events as a server-sent event stream, kept alive while nothing happens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from faqchat.events import Event, Start, encode_sse

HEARTBEAT = b": keep-alive\n\n"


async def encode(events: AsyncGenerator[Event, None], heartbeat_s: float) -> AsyncGenerator[bytes, None]:
    """Each event as it comes, `id` counting within the turn; a comment line after every silent interval.

    Closing this iterator cancels the turn, and returns when the turn has cleaned up.
    """
    turn_id = ""
    number = 0
    upcoming: asyncio.Future[Event] = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=heartbeat_s)
            if not done:
                yield HEARTBEAT
                continue
            try:
                event = upcoming.result()
            except StopAsyncIteration:
                return
            if isinstance(event, Start):
                turn_id = event.turn_id
            yield encode_sse(event, f"{turn_id}:{number}")
            number += 1
            upcoming = asyncio.ensure_future(anext(events))
    finally:
        upcoming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
            await upcoming
        await events.aclose()  # a turn that waits for us to take its event is not stopped by cancelling the next one
