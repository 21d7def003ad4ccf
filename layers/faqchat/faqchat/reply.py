"""A turn in one piece, for clients and doors that do not stream: the stream, collected."""

from collections.abc import AsyncIterator

from pydantic import BaseModel

from faqchat.events import Delta, Done, Event, FollowUp, FollowUps, Outcome, Problem, Source, Sources, Start, Usage


class ChatReply(BaseModel):
    """What the events of one turn say, together."""

    session_id: str
    turn_id: str
    model: str
    answer: str
    sources: tuple[Source, ...]
    followups: tuple[FollowUp, ...]
    outcome: Outcome
    degraded: tuple[str, ...]
    usage: Usage
    cost_usd: float
    timings_ms: dict[str, float]


async def collect(events: AsyncIterator[Event]) -> ChatReply | Problem:
    """The reply, or the problem that ended the turn."""
    start: Start | None = None
    answer = ""
    sources: tuple[Source, ...] = ()
    followups: tuple[FollowUp, ...] = ()
    async for event in events:
        match event:
            case Start():
                start = event
            case Sources():
                sources = event.sources
            case Delta():
                answer += event.text
            case FollowUps():
                followups = event.followups
            case Problem():
                return event
            case Done() if start:
                return ChatReply(
                    session_id=start.session_id,
                    turn_id=start.turn_id,
                    model=start.model,
                    answer=answer,
                    sources=sources,
                    followups=followups,
                    **event.model_dump(exclude={"type"}),
                )
    raise RuntimeError("a turn ended without a terminal event")
