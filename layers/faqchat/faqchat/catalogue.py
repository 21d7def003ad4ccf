"""The published FAQ in memory: its entries and its keyword indexes, kept fresh against what ingest publishes."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from faqchat.errors import NotFound, Unavailable
from faqchat.events import RelatedEntry, WholeEntry
from faqchat.faq import Entry
from faqchat.followups import names
from faqchat.index import IndexSnapshot, Keywords, Manifest
from faqchat.personal import hotlines
from faqchat.ports import LexicalIndex, Snapshots
from faqchat.tokens import tokens

TITLE_WEIGHT = 3  # a title's words count this often; 2 to 4 do equally well

NEIGHBOURS = 12

# What editors put forward answers a general question better than the special cases beside it, which share its words:
# a starred title is the guide of its menu, and links lead to the entries that others build on.
STARRED, LINKED = 4.0, 2.0  # in standard deviations of one query; 3 to 6 and 1.5 to 2.5 do equally well
_STAR = "★"

LexicalFactory = Callable[[Sequence[tuple[str, Sequence[str]]]], LexicalIndex]


class Catalogue(NamedTuple):
    """Everything that one turn reads of the FAQ."""

    manifest: Manifest
    entries: dict[str, Entry]
    whole: LexicalIndex  # titles, utterances and answers
    asked: LexicalIndex  # titles and utterances only: how people ask, undiluted by long answers
    named: dict[str, str]  # texts that name one entry outright, to its id
    hotlines: frozenset[str]  # phone numbers and addresses that the FAQ gives out
    prominence: dict[str, float]  # how far editors put an entry forward, on the scale of a query's scores

    @classmethod
    def build(cls, snapshot: IndexSnapshot, lexical: LexicalFactory) -> "Catalogue":
        """A snapshot with its keyword indexes, which are built where they were not stored with it."""
        return cls(
            snapshot.manifest,
            snapshot.entries,
            *(snapshot.keywords or index_keywords(snapshot.entries, lexical)),
            names(snapshot.entries.values()),
            hotlines(text for entry in snapshot.entries.values() for text in (entry.question, entry.answer)),
            prominence(snapshot.entries),
        )

    def entry(self, faq_id: str) -> WholeEntry:
        """An entry to read in full. Raises `NotFound` for an id that no entry has."""
        entry = self.entries.get(faq_id)
        if entry is None:
            raise NotFound(f"FAQ entry {faq_id}")
        linked = (self.entries[other] for other in entry.related if other in self.entries)
        return WholeEntry(
            faq_id=faq_id,
            question=entry.question,
            tags=entry.tags,
            answer=entry.answer,
            related=tuple(RelatedEntry(faq_id=other.faq_id, question=other.question) for other in linked),
        )

    def near(self, entry: Entry, found: Sequence[Entry]) -> list[Entry]:
        """What one may want to know after an entry, nearest first.

        What its editors linked, then what is both like it and was found with it, then what is like it.
        """
        linked = [self.entries[other] for other in entry.related if other in self.entries]
        alike = [self.entries[hit.faq_id] for hit in self.asked.search(entry.question, NEIGHBOURS)]
        both = [other for other in found if other in alike]
        return list(dict.fromkeys([*linked, *both, *alike, *found]))


def index_keywords(entries: Mapping[str, Entry], lexical: LexicalFactory) -> Keywords:
    """Index entries by keyword; 1.5 s for 3,000 entries."""
    asked = [
        (entry.faq_id, tokens(entry.question) * TITLE_WEIGHT + [t for u in entry.utterances for t in tokens(u)])
        for entry in entries.values()
    ]
    whole = [(faq_id, words + tokens(entries[faq_id].answer)) for faq_id, words in asked]
    return Keywords(whole=lexical(whole), asked=lexical(asked))


def prominence(entries: Mapping[str, Entry]) -> dict[str, float]:
    """Stars and links as a score; entries with neither are left out."""
    links = Counter(other for entry in entries.values() for other in entry.related)
    found = {
        faq_id: STARRED * (_STAR in entry.question) + LINKED * math.log1p(links[faq_id])
        for faq_id, entry in entries.items()
    }
    return {faq_id: score for faq_id, score in found.items() if score}


class Catalogues:
    """Hands out the current catalogue; reads it again when a new version was published."""

    def __init__(self, snapshots: Snapshots, lexical: LexicalFactory, refresh_s: float) -> None:
        self._snapshots = snapshots
        self._lexical = lexical
        self._refresh_s = refresh_s
        self._current: Catalogue | None = None
        self._version: str | None = None
        self._checked_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None

    async def current(self) -> Catalogue:
        """The catalogue in force. Raises `Unavailable` where none was ever read.

        A newer version is fetched behind the turns that go on: nobody waits for it, and where its store is away the
        one in memory serves on.
        """
        if (self._current is None or self._is_stale()) and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh())
            self._refreshing.add_done_callback(_seen)
        if self._current is None and self._refreshing:
            await asyncio.shield(self._refreshing)  # one caller that gives up does not undo the reading for all
        if self._current is None:
            raise Unavailable("no FAQ has been published yet: run ingest")
        return self._current

    def _is_stale(self) -> bool:
        return time.monotonic() - self._checked_at >= self._refresh_s

    async def _refresh(self) -> None:
        self._checked_at = time.monotonic()
        version = await self._snapshots.version()
        if version is None or version == self._version:
            return
        snapshot = await self._snapshots.load()
        if snapshot is None:
            return
        self._current = await asyncio.to_thread(Catalogue.build, snapshot, self._lexical)
        self._version = version


def _seen(refreshed: asyncio.Task[None]) -> None:
    """A refresh that fails behind the turns is tried again at the next; its error is nobody's to raise."""
    if not refreshed.cancelled():
        refreshed.exception()
