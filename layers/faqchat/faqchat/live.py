"""A turn under way: it goes on without its reader, numbers what it says, and records it for readers elsewhere.

Two tasks: one takes the turn's events as they come, the other beats: it records what is new, and hears whether anybody
still wants the turn. A record that cannot be written costs resumption and the stop from elsewhere, not the answer.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from faqchat.errors import NotFound, Unavailable
from faqchat.events import Done, Event, Numbered, Problem
from faqchat.ports import TurnLog
from faqchat.turnlog import Signals

BEAT_S = 0.3  # how long a stop may go unheard, and how much of an answer a process that dies may take along
RECORD_TIMEOUT_S = 1.0  # longer than that an answer does not wait for its record
GIVEN_UP_AFTER = 3  # failures in a row


_Result = TypeVar("_Result")


class LiveTurn:
    """One turn and whoever began it; others read what is recorded."""

    def __init__(self, turn_id: str, events: AsyncGenerator[Event, None], log: TurnLog, grace_s: float) -> None:
        self.turn_id = turn_id
        self._events = events
        self._log = log
        self._grace_s = grace_s
        self._said: list[Event] = []
        self._recorded = 0
        self._is_open = False  # a turn begins while its record does
        self._failures = 0  # of the log, in a row
        self._over = False
        self._stopped = False
        self._changed = asyncio.Event()
        self._left_at: float | None = None  # whoever began the turn reads it
        self._saying: asyncio.Task[None] | None = None

    async def open(self, session_id: str) -> None:
        """Have the turn known to readers elsewhere."""
        await self._record(lambda: self._log.open(self.turn_id, session_id), None)
        self._is_open = True

    async def run(self, first: Event) -> None:
        """Say everything, from the first event on, which has come; return when the last is said."""
        self._say(first)
        self._saying = asyncio.create_task(self._take())
        try:
            while not self._saying.done():
                await asyncio.wait({self._saying}, timeout=BEAT_S)
                if not self._saying.done() and not await self._is_wanted():
                    self.stop()
                    await asyncio.wait({self._saying})
            self._saying.result()
        finally:
            self._saying.cancel()
            self._over = True
            self._changed.set()

    def stop(self) -> None:
        """End the turn where it is."""
        if self._saying and not self._stopped:
            self._stopped = True
            self._saying.cancel()

    async def read(self) -> AsyncGenerator[Numbered, None]:
        """What the turn said and says, from its beginning."""
        number = 0
        try:
            while True:
                changed = self._changed
                while number < len(self._said):
                    yield Numbered(number, self._said[number])
                    number += 1
                if self._over:
                    return
                await changed.wait()
        finally:
            self._left_at = time.time()
            if not self._patience_s:
                self.stop()

    async def _take(self) -> None:
        """Take each event as it comes; the last is told when it is recorded, for then the process may be frozen."""
        last: Event | None = None
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    if isinstance(event, Done | Problem):
                        last = event
                    else:
                        self._say(event)
        except asyncio.CancelledError:
            if not self._stopped:
                raise  # the process ends
            last = Done(outcome="cancelled")
        self._stopped = True  # from here on there is nothing left to stop, and the end must not get lost
        if last:
            await self._record_new(last)
            self._say(last)
            while self._recorded < len(self._said) and self._is_recorded:
                await self._record_new()

    def _say(self, event: Event) -> None:
        self._said.append(event)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _is_wanted(self) -> bool:
        await self._record_new()
        signals = Signals()
        if self._is_open:  # before that nobody elsewhere knows the turn, and the log would not find it
            signals = await self._record(lambda: self._log.beat(self.turn_id), signals)
        if signals.cancelled:
            return False
        return self._left_at is None or time.time() - max(self._left_at, signals.watched_at) < self._patience_s

    @property
    def _is_recorded(self) -> bool:
        return self._failures < GIVEN_UP_AFTER

    @property
    def _patience_s(self) -> float:
        """How long the turn goes on unread: nobody can come back to one that is not recorded."""
        return self._grace_s if self._is_recorded else 0.0

    async def _record_new(self, *last: Event) -> None:
        """Record what is not recorded yet, and the last event that is not said yet."""
        new = [*self._said[self._recorded :], *last]

        async def append() -> int:
            await self._log.append(self.turn_id, self._recorded, new)
            return len(new)

        if new:
            self._recorded += await self._record(append, 0)

    async def _record(self, write: Callable[[], Awaitable[_Result]], otherwise: _Result) -> _Result:
        """What the log answers, if it does in time."""
        if not self._is_recorded:
            return otherwise
        try:
            async with asyncio.timeout(RECORD_TIMEOUT_S):
                answer = await write()
        except (NotFound, Unavailable, TimeoutError):
            self._failures += 1
            return otherwise
        self._failures = 0
        return answer
