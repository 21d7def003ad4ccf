"""A turn while it happens: what was sent so far, how long it took, and the record it becomes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from faqchat.conversation import Turn
from faqchat.events import Delta, Done, Event, FollowUp, FollowUps, Outcome, Source, Sources, Usage
from faqchat.extractive import excerpt
from faqchat.faq import Entry
from faqchat.index import Hit
from faqchat.pricing import Price


@dataclass
class Draft:
    """Mutable on purpose: generators of one turn write into it, nobody else sees it."""

    session_id: str
    turn_id: str
    message: str
    model: str
    degraded: list[str]
    began: float  # time.perf_counter()
    replaces: str | None = None  # the turn whose answer the seller wanted instead
    query: str = ""
    answer: str = ""
    outcome: Outcome = "answered"
    sources: tuple[Source, ...] = ()
    followups: tuple[FollowUp, ...] = ()
    usage: Usage = field(default_factory=Usage)
    timings: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str) -> None:
        """Note when a stage was first over, in milliseconds since the turn began."""
        self.timings.setdefault(stage, round((time.perf_counter() - self.began) * 1000, 1))

    def add(self, event: Event) -> None:
        """Note what was sent."""
        if isinstance(event, Delta):
            self.answer += event.text
            self.mark("first_text")
        elif isinstance(event, Sources):
            self.sources = event.sources
            self.mark("sources")
        elif isinstance(event, FollowUps):
            self.followups = event.followups

    def done(self, price: Price) -> Done:
        """The last event of a turn that ended well."""
        self.mark("total")
        return Done(
            outcome=self.outcome,
            degraded=tuple(dict.fromkeys(self.degraded)),
            usage=self.usage,
            cost_usd=price.of(self.usage),
            timings_ms=self.timings,
        )

    def turn(self, price: Price, ended: str | None = None) -> Turn:
        """The record; `ended` tells a turn that did not end well."""
        return Turn(
            session_id=self.session_id,
            turn_id=self.turn_id,
            message=self.message,
            query=self.query,
            answer=self.answer,
            outcome=ended or self.outcome,
            sources=self.sources,
            followups=self.followups,
            degraded=tuple(dict.fromkeys(self.degraded)),
            model=self.model,
            usage=self.usage,
            cost_usd=price.of(self.usage),
        )


def cite(query: str, entries: Sequence[Entry], hits: Sequence[Hit]) -> Sources:
    """Entries as the client sees them, each with the line that matches the query best."""
    scores = {hit.faq_id: hit.score for hit in hits}
    return Sources(
        sources=tuple(
            Source(
                faq_id=entry.faq_id,
                question=entry.question,
                tags=entry.tags,
                score=round(scores.get(entry.faq_id, 0.0), 3),
                excerpt=excerpt(query, entry),
            )
            for entry in entries
        )
    )
