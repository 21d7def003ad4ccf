"""Question files through the code of a chat turn: what was found, what was said, how long it took.

A line of a file has a `query`, or `turns` whose user messages are asked one after the other. `gold` lists the FAQ ids
that answer the last one, best first; files of messages to decline have none, and a `kind`.
"""

import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from faqchat import bootstrap
from faqchat.catalogue import Catalogue
from faqchat.chat import ChatService
from faqchat.errors import BadSource, Unavailable
from faqchat.events import ChatRequest, Problem
from faqchat.guardrail import Guardrail
from faqchat.index import Query
from faqchat.reply import ChatReply, collect
from faqchat.retriever import Found, Retriever
from faqchat.scope import load_gate
from local.memory import MemoryHistory

ANSWERABLE = ("in_scope", "multi_turn")  # kinds that are not to be declined even where no entry is the right one


class Question(NamedTuple):
    """One line of a question file."""

    file: str
    id: str
    messages: tuple[str, ...]  # the last one is judged
    gold: tuple[str, ...]
    expected: str  # answered, declined or greeting
    group: str  # style, kind or tier


class Offers(NamedTuple):
    """What became of the offers of a turn, when each was sent back as text."""

    ids: tuple[str, ...]
    kept: int  # how many were answered from the entry that they name
    repeated: int  # how many name an entry that the conversation was answered from before
    linked: bool | None  # whether one of them is the editors' link; None where they linked nothing new


class Row(NamedTuple):
    """What became of a question."""

    question: Question
    ranked: tuple[str, ...]
    reply: ChatReply
    queries: tuple[Query, ...]  # what was searched
    ms: float
    offers: Offers

    @property
    def rank(self) -> int | None:
        """Where the first right entry stands, from 1; None when it is not among the ten."""
        return next((i for i, faq_id in enumerate(self.ranked, 1) if faq_id in self.question.gold), None)

    def as_json(self) -> str:
        """The line that `--rows` writes."""
        return json.dumps(
            {
                "id": self.question.id,
                "file": self.question.file,
                "ranked": self.ranked,
                "outcome": self.reply.outcome,
                "answer": self.reply.answer,
                "followups": self.offers.ids,
                "query": self.queries[-1].text if self.queries else "",
                "ms": round(self.ms, 1),
            },
            ensure_ascii=False,
        )


class ObservedRetriever(Retriever):
    """The product's retriever; remembers what it was asked and what it found last."""

    last: Found | None = None
    asked: Sequence[Query] = ()

    async def search(
        self, queries: Sequence[Query], catalogue: Catalogue, limit: int = 10, answered: str | None = None
    ) -> Found:
        """Search, and remember."""
        self.asked = queries
        self.last = await super().search(queries, catalogue, limit, answered)
        return self.last


def read_questions(path: Path) -> list[Question]:
    """The questions of a file. Raises `BadSource`."""
    questions = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSource(f"{path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            questions.append(_question(path.stem, number, json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise BadSource(f"{path}, line {number}: not a question ({error!r})") from error
    return questions


def _question(file: str, number: int, row: dict[str, Any]) -> Question:
    if "turns" in row:
        messages = [turn["content"] for turn in row["turns"] if turn["role"] == "user"]
    else:
        messages = [*_past(row.get("history", [])), row["query"]]
    gold = tuple(row.get("gold") or ())
    expected = row.get("expected") if row.get("expected") in ("greeting", "declined") else None
    return Question(
        file,
        str(row.get("id", f"{file}-{number}")),
        tuple(messages),
        gold,
        expected or ("answered" if gold or row.get("kind") in ANSWERABLE else "declined"),
        str(row.get("style") or row.get("tier") or row.get("kind") or "all"),
    )


def _past(history: Iterable[Any]) -> list[str]:
    return [
        turn if isinstance(turn, str) else turn["content"]
        for turn in history
        if isinstance(turn, str) or turn.get("role", "user") == "user"
    ]


async def ask_all(questions: Iterable[Question]) -> AsyncIterator[Row]:
    """Each question in a conversation of its own, its earlier messages asked first."""
    chosen = bootstrap.settings()
    retriever = ObservedRetriever(bootstrap.embedder(), bootstrap.vectors())
    service = ChatService(
        bootstrap.catalogues(),
        retriever,
        Guardrail(load_gate(), chosen.scope_threshold),
        generators=bootstrap.generators(),
        history=MemoryHistory(),
        price=bootstrap.price(),
        history_turns=chosen.history_turns,
        history_tokens=chosen.history_tokens,
        rewriter=bootstrap.rewriter(),
    )
    catalogue = await bootstrap.catalogues().current()
    for question in questions:
        session: str | None = None
        answered: list[str] = []
        for earlier in question.messages[:-1]:
            reply = await _ask(service, question, earlier, session)
            session = reply.session_id
            answered += [source.faq_id for source in reply.sources[:1]]
        retriever.last, retriever.asked = None, ()
        began = time.perf_counter()
        reply = await _ask(service, question, question.messages[-1], session)
        took = (time.perf_counter() - began) * 1000
        queries: tuple[Query, ...] = tuple(retriever.asked)
        ranked = _ranked(reply, retriever.last)
        yield Row(question, ranked, reply, queries, took, await _take_up(service, question, reply, answered, catalogue))


async def _take_up(
    service: ChatService, question: Question, reply: ChatReply, answered: Sequence[str], catalogue: Catalogue
) -> Offers:
    """Send each offer back in its conversation, as a seller who types it would."""
    ids = tuple(offer.faq_id for offer in reply.followups)
    taken = [await _ask(service, question, offer.text, reply.session_id) for offer in reply.followups]
    kept = sum(
        turn.sources[:1] != () and turn.sources[0].faq_id == faq_id for turn, faq_id in zip(taken, ids, strict=True)
    )
    known = {*answered, *(source.faq_id for source in reply.sources[:1])}
    first = reply.sources[0].faq_id if reply.sources else None
    links = set(catalogue.entries[first].related) - known if first else set()
    return Offers(ids, kept, len(known.intersection(ids)), bool(links.intersection(ids)) if links else None)


async def _ask(service: ChatService, question: Question, message: str, session: str | None) -> ChatReply:
    reply = await collect(service.stream(ChatRequest(message=message, session_id=session)))
    if isinstance(reply, Problem):
        raise Unavailable(f"{question.id}: {reply.title}")
    return reply


def _ranked(reply: ChatReply, found: Found | None) -> tuple[str, ...]:
    """The ten best entries; one that was named outright stands first."""
    named = [source.faq_id for source in reply.sources[:1]]
    return tuple(dict.fromkeys([*named, *(hit.faq_id for hit in found.hits)]))[:10] if found else ()
