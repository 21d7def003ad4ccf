"""The product: one message in, the events of one turn out.

history → what the message means → search → scope → answer → follow-ups → save. Every step is a module of its own;
the order in which a turn happens is here and nowhere else.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from faqchat import conversation, followups, smalltalk
from faqchat.catalogue import Catalogue, Catalogues
from faqchat.conversation import Turn
from faqchat.draft import Draft, cite
from faqchat.errors import Conflict, FaqChatError, InvalidRequest, NotFound, Unavailable
from faqchat.events import (
    DECLINED,
    MAX_MESSAGE_CHARS,
    ChatRequest,
    Delta,
    Event,
    FollowUps,
    Problem,
    Sources,
    Start,
    Usage,
)
from faqchat.faq import Entry, normalize
from faqchat.guardrail import FOREIGN_PART, Guardrail
from faqchat.index import Query
from faqchat.personal import mask
from faqchat.ports import Correction, Generator, History
from faqchat.pricing import Price
from faqchat.prompt import Brief
from faqchat.retriever import Retriever
from faqchat.rewriting import Rewriter
from faqchat.seller import persona
from faqchat.understanding import requests, understand

INTERRUPTED = "답변을 작성하던 중에 연결이 끊겼습니다. 잠시 후 다시 질문해 주세요."
GOES_ON = "답변을 작성하던 중에 연결이 끊겨, FAQ의 내용을 그대로 이어서 안내해 드립니다."

SOURCES = 3  # entries that a turn shows and a model reads
NEIGHBOURS = 12  # hits that follow-ups are chosen from


class ChatService:
    """Answers messages. One instance serves all turns; a turn's state lives in its `Draft`."""

    def __init__(
        self,
        catalogues: Catalogues,
        retriever: Retriever,
        guardrail: Guardrail,
        *,
        generators: Sequence[Generator],
        history: History,
        price: Price,
        history_turns: int,
        history_tokens: int,
        rewriter: Rewriter | None = None,
    ) -> None:
        self._catalogues = catalogues
        self._retriever = retriever
        self._guardrail = guardrail
        self._generators = generators
        self._history = history
        self._price = price
        self._history_turns = history_turns
        self._history_tokens = history_tokens
        self._rewriter = rewriter
        self._saving: set[asyncio.Task[None]] = set()

    async def stream(
        self, request: ChatRequest, turn_id: str = "", past: Sequence[Turn] | None = None
    ) -> AsyncGenerator[Event, None]:
        """The events of one turn, the last of them `Done` or `Problem`.

        A `past` that the caller brings is the conversation so far, in place of a stored one. Before the first event it
        may raise `InvalidRequest`, `NotFound` (unknown session or offer) or `Unavailable`. A turn that is cancelled
        stores what was said until then.
        """
        began = time.perf_counter()
        message = accept(request.message)
        catalogue = await self._catalogues.current()
        message = mask(message, catalogue.hotlines)  # before anything keeps it or sends it on
        session_id, turns, degraded = await self._open(request.session_id)
        if past is not None:
            turns = [*past]
        elif request.replaces and not degraded:
            turns = without_last(turns, request.replaces)
        chosen = named_entry(message, request.followup_id, turns, catalogue)
        turn_id = turn_id or conversation.new_turn_id()
        draft = Draft(session_id, turn_id, message, self._generators[0].name, degraded, began, request.replaces)
        draft.mark("history")
        yield Start(session_id=session_id, turn_id=draft.turn_id, model=draft.model)
        try:
            async with aclosing(self._reply(draft, chosen, turns, catalogue)) as events:
                async for event in events:
                    draft.add(event)
                    yield event
        except asyncio.CancelledError:
            await self._save(draft, "cancelled")
            raise
        except GeneratorExit:
            self._save_in_background(draft)
            raise
        except FaqChatError as error:
            await self._save(draft, "failed")
            yield interrupted(error, draft.turn_id)
            return
        await self._save(draft)
        yield draft.done(self._price)

    async def _reply(
        self, draft: Draft, chosen: Entry | None, turns: Sequence[Turn], catalogue: Catalogue
    ) -> AsyncGenerator[Event, None]:
        said = smalltalk.reply(draft.message)
        if said and not chosen:
            draft.outcome, draft.model = "greeting", "smalltalk"
            yield Delta(text=said)
            yield FollowUps(followups=followups.offers(followups.starters(catalogue.entries), catalogue.named))
            return

        answered = [turn.sources[0].faq_id for turn in turns if turn.sources]
        message = smalltalk.without_greeting(draft.message)
        asked = chosen.question if chosen else await self._ours(message, catalogue)
        meant = understand(asked, () if chosen else turns)
        if self._rewriter and meant.leans:
            meant = await self._rewriter.rewrite(meant, asked, turns, draft)
        draft.query = meant.text
        found = await self._retriever.search(meant.searches, catalogue, NEIGHBOURS, meant.answered)
        draft.degraded.extend(found.degraded)
        draft.mark("search")
        hits = [catalogue.entries[hit.faq_id] for hit in found.hits]
        if chosen:
            hits = [chosen, *(entry for entry in hits if entry is not chosen)]
        elif not turns and smalltalk.too_vague(draft.message):
            draft.outcome, draft.model = "clarify", "smalltalk"
            yield Sources(sources=())
            yield Delta(text=smalltalk.CLARIFY)
            yield FollowUps(followups=followups.offers(followups.pick(hits, avoid=()), catalogue.named))
            return
        elif not self._guardrail.allows(meant, found, catalogue):
            draft.outcome, draft.model = "declined", "scope"
            yield Sources(sources=())
            yield Delta(text=DECLINED)
            yield FollowUps(followups=followups.guesses(followups.pick(hits, avoid=answered), catalogue.named))
            return

        yield cite(meant.alone, hits[:SOURCES], found.hits)
        past = conversation.exchanges(turns, self._history_tokens)
        again = not chosen and answered[-1:] == [hits[0].faq_id]
        asker = persona([*(turn.message for turn in turns), draft.message])
        brief = Brief(asked, meant.alone, hits[:SOURCES], past, again, asker)
        async with aclosing(self._write(draft, brief)) as pieces:
            async for piece in pieces:
                yield piece
        if draft.answer.strip() == DECLINED:  # the model's own judgement
            draft.outcome = "declined"
        elif not chosen and asked != message:
            yield Delta(text=f"\n\n{FOREIGN_PART}")
        offered = followups.pick(catalogue.near(hits[0], hits), avoid={*answered, hits[0].faq_id}, near=hits[:1])
        yield FollowUps(followups=followups.offers(offered, catalogue.named))

    async def _ours(self, message: str, catalogue: Catalogue) -> str:
        """The message without a request that plainly is not SmartStore's, where it makes several."""
        parts = requests(message)
        if not parts:
            return message
        found = await self._retriever.search([Query(part) for part in parts], catalogue)
        ours = self._guardrail.ours(parts, found, catalogue)
        return message if len(ours) == len(parts) else " ".join(ours)

    async def _write(self, draft: Draft, brief: Brief) -> AsyncGenerator[Delta, None]:
        """The answer by the first generator that can; one that breaks off in the middle leaves the rest to the last."""
        *models, last = self._generators
        for model in models:
            try:
                async with aclosing(self._pieces(draft, model, brief)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except Unavailable:
                draft.degraded.append("model")
                if draft.answer:
                    yield Delta(text=f"\n\n{GOES_ON}\n")
                    break
        async with aclosing(self._pieces(draft, last, brief)) as pieces:
            async for piece in pieces:
                yield piece

    async def _pieces(self, draft: Draft, generator: Generator, brief: Brief) -> AsyncGenerator[Delta, None]:
        draft.model = generator.name
        async with aclosing(generator.generate(brief)) as pieces:
            async for piece in pieces:
                match piece:
                    case str():
                        yield Delta(text=piece)
                    case Usage():
                        draft.usage += piece
                    case Correction():
                        draft.degraded.append("grounding")

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

    async def _save(self, draft: Draft, ended: str | None = None) -> None:
        if "history" in draft.degraded:
            return  # the store was away a moment ago: nobody waits for it a second time
        try:
            await self._history.append(draft.turn(self._price, ended), draft.replaces)
        except (Unavailable, NotFound, Conflict):
            draft.degraded.append("history")

    def _save_in_background(self, draft: Draft) -> None:
        """Store what was said before the stream was closed: a generator that is being closed cannot wait."""
        task = asyncio.get_running_loop().create_task(self._save(draft, "cancelled"))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)


def accept(message: str) -> str:
    """The message as one clean line. Raises `InvalidRequest` for an empty or over-long one."""
    if len(message) > MAX_MESSAGE_CHARS:
        raise InvalidRequest(f"질문은 {MAX_MESSAGE_CHARS:,}자까지 보낼 수 있습니다. 조금 줄여서 다시 질문해 주세요.")
    cleaned = normalize(message)
    if not cleaned:
        raise InvalidRequest("질문을 입력해 주세요.")
    return cleaned


def without_last(turns: Sequence[Turn], replaced: str) -> list[Turn]:
    """The turns before the one to be replaced. Raises `InvalidRequest` where that is not the last."""
    if not turns or turns[-1].turn_id != replaced:
        raise InvalidRequest("대화의 마지막 답변만 다시 받을 수 있습니다.")
    return [*turns[:-1]]


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


def interrupted(error: FaqChatError, trace_id: str) -> Problem:
    """The event that ends a turn that failed after its first event."""
    return Problem(
        type="urn:faqchat:interrupted", title=type(error).__name__, status=503, detail=INTERRUPTED, trace_id=trace_id
    )
