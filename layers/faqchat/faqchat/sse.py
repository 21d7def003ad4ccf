"""Events as a server-sent event stream, kept alive while nothing happens."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from faqchat.events import Event, Numbered, encode_sse

HEARTBEAT = b": keep-alive\n\n"

Encoder = Callable[[Event, str], bytes]  # an event and its id to what is sent of it, which may be nothing


async def encode(
    turn_id: str, events: AsyncGenerator[Numbered, None], heartbeat_s: float, encoder: Encoder = encode_sse
) -> AsyncGenerator[bytes, None]:
    """Each event as it comes, `id` naming the turn and the event; a comment line after every silent interval.

    Closing this iterator closes the events.
    """
    upcoming: asyncio.Future[Numbered] = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=heartbeat_s)
            if not done:
                yield HEARTBEAT
                continue
            try:
                numbered = upcoming.result()
            except StopAsyncIteration:
                return
            if block := encoder(numbered.event, f"{turn_id}:{numbered.number}"):
                yield block
            upcoming = asyncio.ensure_future(anext(events))
    finally:
        upcoming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
            await upcoming
        await events.aclose()  # whoever waits for us to take an event is not stopped by cancelling the next one
