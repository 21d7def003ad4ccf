"""The buffered door: a Lambda event in, the app's whole body out, by Mangum.

It takes the events of HTTP APIs and of Function URLs, text or base64. Lambda returns up to 6 MB; the largest body here
is a conversation of 200 turns, some 10 KB each.
"""

import asyncio
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mangum import Mangum
    from mangum.types import ASGI

JSON_TYPES = ("application/problem+json",)  # Mangum knows application/json, and would send these as base64


class Buffered:
    """A Lambda handler around an ASGI app. One loop serves all events: connections live as long as their loop."""

    def __init__(self, app: "ASGI") -> None:
        self._app = app

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The app's answer to an event."""
        asyncio.set_event_loop(self.loop)  # where Mangum looks for it; `asyncio.run` leaves none behind
        return self._mangum(event, context)

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of this process's events."""
        return asyncio.new_event_loop()

    @cached_property
    def _mangum(self) -> "Mangum":
        from mangum import Mangum  # noqa: PLC0415 # the streaming door does without
        from mangum.adapter import DEFAULT_TEXT_MIME_TYPES  # noqa: PLC0415

        logging.getLogger("mangum").setLevel(logging.WARNING)  # below, it logs paths, and some hold a session's id
        return Mangum(self._app, lifespan="off", text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, *JSON_TYPES])
