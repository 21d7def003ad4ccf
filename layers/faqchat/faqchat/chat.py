"""The product: one message in, the events of one turn out.

history → what the message means → search → scope → answer → follow-ups → save. Every step is a module of its own;
the order in which a turn happens is here and nowhere else.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from faqchat import conversation, followups, smalltalk
from faqchat.catalogue import Catalogue, Catalogues
from faqchat.conversation import Turn
from faqchat.errors import FaqChatError, InvalidRequest, NotFound, Unavailable
from faqchat.events import (
    MAX_MESSAGE_CHARS,
    ChatRequest,
    Delta,
    Done,
    Event,
    FollowUp,
    FollowUps,
    Outcome,
    Problem,
    Source,
    Sources,
    Start,
    Usage,
)
from faqchat.extractive import excerpt
from faqchat.faq import Entry, normalize
from faqchat.ports import Generator, History
from faqchat.pricing import Price
from faqchat.prompt import Brief
from faqchat.retriever import Found, Retriever
from faqchat.scope import ScopeGate
from faqchat.understanding import Understanding, understand

DECLINED = "저는 스마트 스토어 FAQ를 위한 챗봇입니다. 스마트 스토어에 대한 질문을 부탁드립니다."
CLARIFY = (
    "어떤 내용을 도와드릴까요? 조금만 더 구체적으로 말씀해 주시면 정확히 안내해 드릴 수 있습니다.\n"
    "혹시 아래 내용 중에 찾으시는 것이 있나요?"
)
INTERRUPTED = "답변을 작성하던 중에 연결이 끊겼습니다. 잠시 후 다시 질문해 주세요."

SOURCES = 3  # entries that a turn shows and a model reads
# Below this a message that does not lean on the past is out of scope whatever came before: "오늘 날씨 어때?" after a
# question about delivery is still about the weather.
MAY_CONTINUE = 0.2
NEIGHBOURS = 12  # hits that follow-ups are chosen from


@dataclass
class Draft:
    """A turn while it happens."""

    session_id: str
    turn_id: str
    message: str
    model: str
    degraded: list[str]
    began: float
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


class ChatService:
    """Answers messages. One instance serves all turns; a turn's state lives in its `Draft`."""

    def __init__(
        self,
        catalogues: Catalogues,
        retriever: Retriever,
        gate: ScopeGate,
        *,
        generators: Sequence[Generator],
        history: History,
        price: Price,
        scope_threshold: float,
        history_turns: int,
        history_tokens: int,
    ) -> None:
        self._catalogues = catalogues
        self._retriever = retriever
        self._gate = gate
        self._generators = generators
        self._history = history
        self._price = price
        self._scope_threshold = scope_threshold
        self._history_turns = history_turns
        self._history_tokens = history_tokens
        self._saving: set[asyncio.Task[None]] = set()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """The events of one turn, the last of them `Done` or `Problem`.

        Before the first event it may raise `InvalidRequest`, `NotFound` (unknown session or offer) or `Unavailable`.
        """
        began = time.perf_counter()
        message = accept(request.message)
        catalogue = await self._catalogues.current()
        session_id, turns, degraded = await self._open(request.session_id)
        chosen = named_entry(message, request.followup_id, turns, catalogue)
        draft = Draft(session_id, conversation.new_turn_id(), message, self._generators[0].name, degraded, began)
        draft.mark("history")
        yield Start(session_id=session_id, turn_id=draft.turn_id, model=draft.model)
        try:
            async with aclosing(self._reply(draft, chosen, turns, catalogue)) as events:
                async for event in events:
                    draft.add(event)
                    yield event
        except (asyncio.CancelledError, GeneratorExit):
            self._save_in_background(draft)
            raise
        except FaqChatError as error:
            await self._save(self._turn(draft, "failed"), draft)
            yield interrupted(error, draft.turn_id)
            return
        await self._save(self._turn(draft, draft.outcome), draft)
        draft.mark("total")
        yield Done(
            outcome=draft.outcome,
            degraded=tuple(dict.fromkeys(draft.degraded)),
            usage=draft.usage,
            cost_usd=self._price.of(draft.usage),
            timings_ms=draft.timings,
        )

    async def _reply(
        self, draft: Draft, chosen: Entry | None, turns: Sequence[Turn], catalogue: Catalogue
    ) -> AsyncGenerator[Event, None]:
        said = smalltalk.reply(draft.message)
        if said and not chosen:
            draft.outcome, draft.model = "greeting", "smalltalk"
            yield Delta(text=said)
            yield FollowUps(followups=followups.offers(followups.starters(catalogue.entries)))
            return

        asked = chosen.question if chosen else smalltalk.without_greeting(draft.message)
        meant = understand(asked, () if chosen else turns)
        draft.query = meant.text
        found = await self._retriever.search(meant.queries, catalogue, NEIGHBOURS)
        draft.degraded.extend(found.degraded)
        draft.mark("search")
        hits = [catalogue.entries[hit.faq_id] for hit in found.hits]
        if chosen:
            hits = [chosen, *(entry for entry in hits if entry is not chosen)]

        if not chosen and not turns and smalltalk.too_vague(draft.message):
            draft.outcome, draft.model = "clarify", "smalltalk"
            yield Sources(sources=())
            yield Delta(text=CLARIFY)
            yield FollowUps(followups=followups.offers(followups.pick(hits, avoid=())))
            return
        if not chosen and not self._in_scope(meant, found, catalogue):
            draft.outcome, draft.model = "declined", "scope"
            yield Sources(sources=())
            yield Delta(text=DECLINED)
            yield FollowUps(followups=followups.guesses(followups.pick(hits, avoid=())))
            return

        yield Sources(sources=sources(meant.alone, hits[:SOURCES], found))
        answered = [turn.sources[0].faq_id for turn in turns if turn.sources]
        brief = Brief(
            draft.message,
            meant.alone,
            hits[:SOURCES],
            conversation.exchanges(turns, self._history_tokens),
            repeated=answered[-1:] == [hits[0].faq_id] and not chosen,
        )
        async with aclosing(self._write(draft, brief)) as pieces:
            async for piece in pieces:
                yield piece
        offered = followups.pick(catalogue.near(hits[0], hits), avoid={*answered, hits[0].faq_id}, near=hits[:1])
        yield FollowUps(followups=followups.offers(offered))

    async def _write(self, draft: Draft, brief: Brief) -> AsyncGenerator[Delta, None]:
        """The answer by the first generator that can; once a word is out, its failure is the turn's."""
        for generator in self._generators:
            draft.model = generator.name
            try:
                async with aclosing(generator.generate(brief)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Usage):
                            draft.usage = piece
                        else:
                            yield Delta(text=piece)
                return
            except Unavailable:
                draft.degraded.append("model")
                if draft.answer:
                    raise
        raise Unavailable("no generator could answer")

    def _in_scope(self, meant: Understanding, found: Found, catalogue: Catalogue) -> bool:
        """Whether the message is SmartStore's: alone, or as the continuation that it can be taken for."""
        alone, *continued = (
            self._gate.probability(query.text, said, catalogue)
            for query, said in zip(meant.queries, found.channels, strict=True)
        )
        if not found.hits or alone >= self._scope_threshold:
            return bool(found.hits)
        return (meant.leans or alone >= MAY_CONTINUE) and max(continued, default=0.0) >= self._scope_threshold

    async def _open(self, session_id: str | None) -> tuple[str, list[Turn], list[str]]:
        """The conversation so far; a store that is away costs the context, not the answer."""
        try:
            if session_id is None:
                session_id = conversation.new_session_id()
                await self._history.create(session_id)
                return session_id, [], []
            return session_id, await self._history.recent(session_id, self._history_turns), []
        except Unavailable:
            return session_id or conversation.new_session_id(), [], ["history"]

    async def _save(self, turn: Turn, draft: Draft) -> None:
        try:
            await self._history.append(turn)
        except (Unavailable, NotFound):
            draft.degraded.append("history")

    def _save_in_background(self, draft: Draft) -> None:
        """Store what was said before the client left; awaiting here would be cancelled as well."""
        task = asyncio.get_running_loop().create_task(self._save(self._turn(draft, "cancelled"), draft))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    def _turn(self, draft: Draft, outcome: Outcome | str) -> Turn:
        return Turn(
            session_id=draft.session_id,
            turn_id=draft.turn_id,
            message=draft.message,
            query=draft.query,
            answer=draft.answer,
            outcome=outcome,
            sources=draft.sources,
            followups=draft.followups,
            degraded=tuple(dict.fromkeys(draft.degraded)),
            model=draft.model,
            usage=draft.usage,
            cost_usd=self._price.of(draft.usage),
        )


def accept(message: str) -> str:
    """The message as one clean line. Raises `InvalidRequest` for an empty or over-long one."""
    if len(message) > MAX_MESSAGE_CHARS:
        raise InvalidRequest(f"질문은 {MAX_MESSAGE_CHARS:,}자까지 보낼 수 있습니다. 조금 줄여서 다시 질문해 주세요.")
    cleaned = normalize(message)
    if not cleaned:
        raise InvalidRequest("질문을 입력해 주세요.")
    return cleaned


def named_entry(message: str, followup_id: str | None, turns: Sequence[Turn], catalogue: Catalogue) -> Entry | None:
    """The entry that a message names: by an offer's id, by an offer's or a title's text, or by a yes to an offer.

    Raises `NotFound` for an id that no entry has.
    """
    if followup_id:
        entry = catalogue.entries.get(followup_id)
        if entry is None:
            raise NotFound(f"FAQ entry {followup_id}")
        return entry
    named = catalogue.named.get(followups.fold(message))
    if named is None and turns and turns[-1].followups and smalltalk.accepts_offer(message):
        named = turns[-1].followups[0].faq_id
    return catalogue.entries.get(named) if named else None


def sources(query: str, entries: Sequence[Entry], found: Found) -> tuple[Source, ...]:
    """The entries as the client sees them."""
    scores = {hit.faq_id: hit.score for hit in found.hits}
    return tuple(
        Source(
            faq_id=entry.faq_id,
            question=entry.question,
            tags=entry.tags,
            score=round(scores.get(entry.faq_id, 0.0), 3),
            excerpt=excerpt(query, entry),
        )
        for entry in entries
    )


def interrupted(error: FaqChatError, trace_id: str) -> Problem:
    """The event that ends a turn whose generator failed after its first word."""
    return Problem(
        type="urn:faqchat:interrupted",
        title=type(error).__name__,
        status=503,
        detail=INTERRUPTED,
        trace_id=trace_id,
    )
