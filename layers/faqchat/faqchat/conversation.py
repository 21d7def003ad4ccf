"""A conversation: its turns, their ids, and what of the past fits into a prompt."""

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from faqchat.events import FollowUp, Outcome, Rating, Reason, Source, Usage
from faqchat.prompt import Exchange

CHARS_PER_TOKEN = 1.6  # Korean in current tokenizers: o200k has about 1.7, Qwen3 about 1.5


class Feedback(BaseModel):
    """What a seller thought of an answer."""

    model_config = ConfigDict(frozen=True)

    rating: Rating
    reason: Reason | None = None
    comment: str = ""
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))


class ShownTurn(BaseModel):
    """One question and its answer, as its reader sees it again."""

    model_config = ConfigDict(frozen=True)

    turn_id: str
    asked_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    message: str
    answer: str = ""
    outcome: Outcome | Literal["failed"] = "answered"
    sources: tuple[Source, ...] = ()
    followups: tuple[FollowUp, ...] = ()
    degraded: tuple[str, ...] = ()
    model: str = ""
    feedback: Feedback | None = None


class Turn(ShownTurn):
    """The same as it is stored: with its conversation, what was searched, and what it cost."""

    session_id: str
    query: str = ""
    usage: Usage = Usage()
    cost_usd: float = 0.0
    replaced_by: str = ""  # the turn whose answer the seller wanted instead


class Conversation(BaseModel):
    """A conversation to read again, oldest turn first."""

    session_id: str
    turns: tuple[ShownTurn, ...]


def new_session_id() -> str:
    """192 unguessable bits: knowing the id is all it takes to read the conversation."""
    return secrets.token_urlsafe(24)


def new_turn_id() -> str:
    """Sorts by time: 12 hex digits of milliseconds, then 128 unguessable bits.

    Knowing the id is all it takes to read the answer again, to stop it and to rate it.
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(16)}"


def exchanges(turns: Sequence[Turn], budget_tokens: int) -> list[Exchange]:
    """The latest exchanges that fit the budget, oldest first; a turn that does not fit ends the list."""
    kept: list[Exchange] = []
    left = budget_tokens * CHARS_PER_TOKEN
    for turn in reversed(turns):
        left -= len(turn.message) + len(turn.answer)
        if left < 0:
            break
        kept.append(Exchange(turn.message, turn.answer))
    return kept[::-1]
