"""What the chat could not answer, and what sellers disliked, by topic: for the people who keep the FAQ."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from faqchat.catalogue import Catalogue
from faqchat.conversation import Turn
from faqchat.faq import Entry
from faqchat.followups import fold
from faqchat.index import Query
from faqchat.retriever import Retriever
from faqchat.scope import ScopeGate

NO_TAG = "태그 없음"
OUTSIDE = "FAQ 밖"
NEAREST = 3  # entries named beside a question
UNANSWERED = ("declined", "clarify", "failed")


class Near(NamedTuple):
    """The entries nearest to a question, best first, and how likely it is SmartStore's, 0 to 1."""

    entries: Sequence[Entry]
    probability: float


Nearest = Callable[[str], Awaitable[Near]]


class NearestEntries:
    """A `Nearest` by the product's own search; where embeddings or vectors are away, by keywords alone."""

    def __init__(self, retriever: Retriever, gate: ScopeGate, catalogue: Catalogue) -> None:
        self._retriever = retriever
        self._gate = gate
        self._catalogue = catalogue

    async def __call__(self, question: str) -> Near:
        """The entries nearest to a question."""
        found = await self._retriever.search([Query(question)], self._catalogue)
        probability = self._gate.probability(question, found.channels[0], self._catalogue)
        return Near([self._catalogue.entries[hit.faq_id] for hit in found.hits[:NEAREST]], probability)


@dataclass(frozen=True)
class Question:
    """A question that was not answered, or whose answer was disliked, however often it was asked."""

    text: str
    turns: tuple[Turn, ...]
    nearest: tuple[Entry, ...]

    @property
    def unanswered(self) -> int:
        """How often it had no answer."""
        return sum(map(is_unanswered, self.turns))

    @property
    def disliked(self) -> int:
        """How often its answer had a thumb down."""
        return sum(map(is_disliked, self.turns))

    @property
    def reasons(self) -> Counter[str]:
        """Why it was disliked."""
        given = (turn.feedback for turn in self.turns if turn.feedback and turn.feedback.rating == "down")
        return Counter(feedback.reason or "none" for feedback in given)

    @property
    def comments(self) -> list[str]:
        """What sellers wrote beside the thumb."""
        return [turn.feedback.comment for turn in self.turns if turn.feedback and turn.feedback.comment]


@dataclass(frozen=True)
class Topic:
    """Questions whose nearest entries share a tag, the most frequent first."""

    name: str
    questions: tuple[Question, ...]

    @property
    def unanswered(self) -> int:
        """Turns without an answer."""
        return sum(question.unanswered for question in self.questions)

    @property
    def disliked(self) -> int:
        """Turns with a thumb down."""
        return sum(question.disliked for question in self.questions)


@dataclass(frozen=True)
class Report:
    """All turns of a time, counted, and those that went wrong."""

    turns: int
    outcomes: Mapping[str, int]
    days: Mapping[date, Counter[str]]  # outcomes a day, in UTC
    up: int
    down: int
    degraded: int
    cost_usd: float
    topics: tuple[Topic, ...]  # the largest first

    @property
    def unanswered(self) -> int:
        """Turns without an answer."""
        return sum(topic.unanswered for topic in self.topics)


def is_unanswered(turn: Turn) -> bool:
    """Whether the FAQ had nothing to say: declined, asked back, failed, or answered without a source."""
    return turn.outcome in UNANSWERED or (turn.outcome == "answered" and not turn.sources)


def is_disliked(turn: Turn) -> bool:
    """Whether the seller gave a thumb down."""
    return turn.feedback is not None and turn.feedback.rating == "down"


async def report(turns: Iterable[Turn], nearest: Nearest, outside_below: float) -> Report:
    """Count the turns, and put those that went wrong under the topics of their nearest entries.

    A question that is less likely than `outside_below` to be SmartStore's belongs to no topic of the FAQ.
    """
    told = list(turns)
    asked: dict[str, list[Turn]] = defaultdict(list)
    for turn in told:
        if is_unanswered(turn) or is_disliked(turn):
            asked[fold(turn.query or turn.message)].append(turn)
    topics: dict[str, list[Question]] = defaultdict(list)
    for same in asked.values():
        near = await nearest(same[-1].query or same[-1].message)
        name = OUTSIDE if near.probability < outside_below else _topic(near.entries)
        topics[name].append(Question(same[-1].message, tuple(same), tuple(near.entries)))
    return Report(
        turns=len(told),
        outcomes=Counter(turn.outcome for turn in told),
        days=_days(told),
        up=sum(turn.feedback is not None and turn.feedback.rating == "up" for turn in told),
        down=sum(map(is_disliked, told)),
        degraded=sum(bool(turn.degraded) for turn in told),
        cost_usd=sum(turn.cost_usd for turn in told),
        topics=tuple(sorted((_sorted(name, questions) for name, questions in topics.items()), key=_size)),
    )


def _topic(entries: Sequence[Entry]) -> str:
    return next((tag for entry in entries[:1] for tag in entry.tags), NO_TAG)


def _sorted(name: str, questions: list[Question]) -> Topic:
    return Topic(name, tuple(sorted(questions, key=lambda question: -len(question.turns))))


def _size(topic: Topic) -> tuple[int, str]:
    return -topic.unanswered - topic.disliked, topic.name


def _days(turns: Iterable[Turn]) -> dict[date, Counter[str]]:
    days: dict[date, Counter[str]] = defaultdict(Counter)
    for turn in turns:
        days[turn.asked_at.date()][turn.outcome] += 1
    return dict(sorted(days.items()))
