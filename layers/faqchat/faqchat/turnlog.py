"""What is kept of a running turn: readers elsewhere follow it, stop it, and find it by an idempotency key."""

from dataclasses import dataclass
from typing import NamedTuple

from faqchat.events import Done, Numbered, Problem


class Signals(NamedTuple):
    """What readers elsewhere want of a turn."""

    cancelled: bool = False
    watched_at: float = 0.0  # seconds of the epoch: when one of them last said that it reads


class Claim(NamedTuple):
    """The turn that an idempotency key stands for, and the digest of the request that made it."""

    turn_id: str
    body: str


@dataclass(frozen=True)
class Recorded:
    """A turn as far as it was recorded."""

    session_id: str
    events: tuple[Numbered, ...]  # those that were asked for
    alive_at: float  # seconds of the epoch

    @property
    def last(self) -> Done | Problem | None:
        """The event that ended the turn, if it is among these."""
        event = self.events[-1].event if self.events else None
        return event if isinstance(event, Done | Problem) else None
