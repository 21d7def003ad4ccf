"""A conversation: its turns, and how a new message is understood from what was said before."""

import re
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from faqchat.events import FollowUp, Outcome, Source, Usage
from faqchat.index import Query
from faqchat.prompt import Exchange

CHARS_PER_TOKEN = 1.6  # Korean in current tokenizers: o200k has about 1.7, Qwen3 about 1.5


class Turn(BaseModel):
    """One question and its answer, as stored and as shown again."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    turn_id: str
    asked_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    message: str
    query: str = ""  # what was searched
    answer: str = ""
    outcome: Outcome | Literal["failed"] = "answered"
    sources: tuple[Source, ...] = ()
    followups: tuple[FollowUp, ...] = ()
    degraded: tuple[str, ...] = ()
    model: str = ""
    usage: Usage = Usage()
    cost_usd: float = 0.0


def new_session_id() -> str:
    """192 unguessable bits: knowing the id is all it takes to read the conversation."""
    return secrets.token_urlsafe(24)


def new_turn_id() -> str:
    """Sorts by time: 12 hex digits of milliseconds, then 64 random bits."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"


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


_AGE = re.compile(r"(?<!\d)(\d{1,2})\s*(?:세|살)")
_SPELT_AGES = {"열세 살": 13, "열네 살": 14, "열다섯": 15, "열여섯": 16, "열일곱": 17, "열여덟": 18, "열아홉": 19}
_SELLER_TYPES = (
    (re.compile(r"(?:해외|외국)\s*(?:사업자|판매자|법인|거주|에서)"), "해외 사업자"),
    (
        re.compile(r"(?:저는|우리는|저희는|제가)?\s*법인(?:\s*사업자)?(?:이에요|예요|입니다|인데|으로|이고)"),
        "법인 사업자",
    ),
    (re.compile(r"개인\s*사업자"), "개인 사업자"),
    (re.compile(r"사업자\s*(?:등록)?(?:은|는|이|가|등록증)?\s*(?:아직\s*)?없"), "개인 판매자"),
    (re.compile(r"간이\s*과세"), "간이과세자"),
)


def about_the_seller(messages: Sequence[str]) -> str:
    """What the seller said of themself, in the FAQ's words; the latest age counts."""
    facts: list[str] = []
    text = " ".join(messages)
    ages = [int(age) for age in _AGE.findall(text)] + [age for words, age in _SPELT_AGES.items() if words in text]
    if ages and ages[-1] < 14:
        facts.append("만 14세 미만 미성년자")
    elif ages and ages[-1] < 19:
        facts.append("만 14세 이상 만 19세 미만 미성년자")
    facts.extend(meaning for pattern, meaning in _SELLER_TYPES if pattern.search(text))
    return " ".join(facts)


def queries(message: str, turns: Sequence[Turn]) -> list[Query]:
    """What to search for a message: itself, and where something came before, itself as its continuation.

    The sum of both finds what an ellipsis means and still lets a change of topic win; replacing the
    message by a concatenation loses the changes of topic (docs/quality.md).
    """
    facts = about_the_seller([*(turn.message for turn in turns), message])
    asked = [Query(f"{message} {facts}".strip())]
    if turns:
        asked.append(Query(f"{turns[-1].message} {message} {facts}".strip()))
    return asked
