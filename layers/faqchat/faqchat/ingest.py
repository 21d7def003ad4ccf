"""Ingest: a FAQ file becomes entries, entries become texts to embed, and only what changed is embedded.

The steps run in one process (`run`) or are spread over functions (`pipeline.py`): `plan` compares, `embed` writes a
batch, `publish` makes it live, `sweep` deletes what is left over. Rows are named by what they hold, so every step may
be repeated, and a run that was killed goes on where it stopped.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from faqchat import faq
from faqchat.errors import BadSource, IndexMismatch
from faqchat.faq import Entry, Faq, RawEntry, Rejected
from faqchat.index import Fingerprint, Kind, Manifest, TextRow, VectorRow, text_row
from faqchat.passages import split_passages
from faqchat.ports import Embedder, Snapshots, VectorCollections
from faqchat.suspects import find_suspects

Kinds = tuple[Kind, ...]

# What must be embedded before the FAQ can answer, and what follows behind it: without passages answers are two points
# worse, and ready in a third of the time (docs/quality.md).
STAGES: tuple[Kinds, ...] = (("title", "in_scope", "out_of_scope", "utterance"), ("passage",))

MAX_RAW_CHARS = 4 * faq.MAX_ANSWER_CHARS  # an answer with its page furniture and white space


class Progress(Protocol):
    """Who watches a run."""

    def __call__(self, done: int, total: int, kinds: Kinds) -> None:
        """`done` of `total` texts are embedded; `kinds` are complete and published."""
        ...


class Changes(NamedTuple):
    """Entries by what became of them since the last publication."""

    added: int
    changed: int
    unchanged: int
    removed: int


class Difference(NamedTuple):
    """How far what is stored and published is from a FAQ."""

    collection: str
    fingerprint: Fingerprint
    missing: tuple[TextRow, ...]  # in the order of STAGES
    stale: frozenset[str]
    published: Manifest | None

    @property
    def kinds(self) -> Kinds:
        """The kinds that are live in this collection: they stay so while the few rows that changed are written."""
        return self.published.kinds if self.published and self.published.collection == self.collection else ()


class Plan(NamedTuple):
    """What stands between the file and a published index."""

    faq: Faq
    entries: dict[str, Entry]
    read: int
    changes: Changes
    version: str
    difference: Difference


class Report(NamedTuple):
    """What an ingest did."""

    read: int
    changes: Changes
    embedded: int
    deleted: int
    version: str
    kinds: Kinds
    faq: Faq


def clean(raw: Sequence[RawEntry], utterances: Mapping[str, Sequence[str]]) -> Faq:
    """Raw entries to a FAQ: cleaned, linked to each other, the unusable rejected and the doubtful named."""
    entries: dict[str, Entry] = {}
    links: dict[str, tuple[str, ...]] = {}
    rejected: list[Rejected] = []
    for position, row in enumerate(raw):
        question = faq.normalize(row.question)
        # What is far too long is not even cleaned: at 50 MB that alone would take a minute.
        answer, linked = (row.answer, ()) if len(row.answer) > MAX_RAW_CHARS else faq.split_answer(row.answer)
        faq_id = faq.faq_id(row.question)
        reason = _unusable(question, answer, faq_id in entries)
        if reason:
            rejected.append(Rejected(position, question[:80], reason))
            continue
        links[faq_id] = (*row.related, *linked)
        entries[faq_id] = Entry(
            faq_id=faq_id,
            question=question,
            answer=answer,
            tags=row.tags or faq.leading_tags(question),
            utterances=tuple(filter(None, map(faq.normalize, (*row.utterances, *utterances.get(faq_id, ()))))),
            content_hash=hashlib.sha256(f"{question}\n{answer}".encode()).hexdigest(),
        )
    linked_entries = _link(entries, links)
    return Faq(linked_entries, tuple(rejected), tuple(find_suspects(linked_entries)))


def _unusable(question: str, answer: str, repeated: bool) -> str | None:
    if not question:
        return "the question is empty"
    if len(question) > faq.MAX_QUESTION_CHARS:
        return f"the question has {len(question):,} characters, {faq.MAX_QUESTION_CHARS} are allowed"
    if not answer:
        return "the answer is empty"
    if len(answer) > faq.MAX_ANSWER_CHARS:
        return f"the answer has {len(answer):,} characters, {faq.MAX_ANSWER_CHARS:,} are allowed"
    return "the question occurs twice; the first is kept" if repeated else None


def _link(entries: Mapping[str, Entry], links: Mapping[str, Sequence[str]]) -> tuple[Entry, ...]:
    """Entries with their links resolved; a link may leave out the tags of the question it names."""
    by_title = {entry.title: faq_id for faq_id, entry in entries.items()}
    by_question = {entry.question: faq_id for faq_id, entry in entries.items()}

    def resolve(faq_id: str) -> tuple[str, ...]:
        named = (by_question.get(question) or by_title.get(question) for question in map(faq.normalize, links[faq_id]))
        return tuple(dict.fromkeys(other for other in named if other and other != faq_id))

    return tuple(entry.model_copy(update={"related": resolve(faq_id)}) for faq_id, entry in entries.items())


def rows(entries: Iterable[Entry], banks: Mapping[Kind, Sequence[str]]) -> list[TextRow]:
    """Every text that is embedded, in the order of STAGES; each once."""
    entries = tuple(entries)
    texts: dict[Kind, list[TextRow]] = {
        "title": [text_row(entry.faq_id, "title", entry.question) for entry in entries],
        "utterance": [text_row(entry.faq_id, "utterance", text) for entry in entries for text in entry.utterances],
        "passage": [
            text_row(entry.faq_id, "passage", text) for entry in entries for text in split_passages(entry.answer)
        ],
    }
    texts |= {kind: [text_row(_bank_id(line), kind, line) for line in lines] for kind, lines in banks.items()}
    ordered = (row for stage in STAGES for kind in stage for row in texts.get(kind, ()))
    return list({row.row_id: row for row in ordered}.values())


def _bank_id(line: str) -> str:
    """What stands for an entry's id in a row that belongs to none."""
    return hashlib.sha256(line.encode()).hexdigest()[:12]


class Ingest:
    """Brings the vector collection and the published catalogue up to a FAQ file."""

    def __init__(
        self,
        embedder: Embedder,
        collections: VectorCollections,
        snapshots: Snapshots,
        banks: Mapping[Kind, Sequence[str]],
        *,
        batch: int,
        name: str = "faq",
    ) -> None:
        self._embedder = embedder
        self._collections = collections
        self._snapshots = snapshots
        self._banks = banks
        self._batch = batch
        self._name = name  # of several FAQs in one Milvus each has its own collections

    async def plan(self, raw: Sequence[RawEntry], utterances: Mapping[str, Sequence[str]]) -> Plan:
        """Compare a file with what is stored and what is published; writes nothing but an empty collection."""
        cleaned, before = await asyncio.gather(asyncio.to_thread(clean, raw, utterances), self._snapshots.load())
        if not cleaned.entries:
            raise BadSource(f"none of the {len(raw)} entries can be used")
        entries = {entry.faq_id: entry for entry in cleaned.entries}
        difference = await self.compare(entries)
        changes = _compare(before.entries if before else {}, cleaned.entries)
        return Plan(cleaned, entries, len(raw), changes, _version(entries, difference.collection), difference)

    async def compare(self, entries: Mapping[str, Entry]) -> Difference:
        """Compare entries with what is stored; creates the model's collection where it is missing."""
        fingerprint = await self._embedder.fingerprint()
        collection = self._collection(fingerprint)
        await self._collections.open(collection, fingerprint)
        stored, published = await asyncio.gather(self._collections.row_ids(collection), self._snapshots.published())
        wanted = rows(entries.values(), self._banks)
        missing = tuple(row for row in wanted if row.row_id not in stored)
        return Difference(
            collection, fingerprint, missing, frozenset(stored - {row.row_id for row in wanted}), published
        )

    async def stage(self, plan: Plan) -> None:
        """Lay the entries down under their version, for whoever publishes them; those that are live lie there."""
        published = plan.difference.published
        if published is None or published.version != plan.version:
            await self._snapshots.stage(plan.version, plan.entries)

    async def staged(self, version: str) -> dict[str, Entry]:
        """The entries of a version. Raises `NotFound` where they were never laid down, or removed since."""
        return await self._snapshots.staged(version)

    async def embed(self, collection: str, texts: Sequence[TextRow]) -> None:
        """Embed and store rows; may be repeated. Raises `IndexMismatch` where the model is not the planned one."""
        fingerprint = await self._embedder.fingerprint()
        if collection != self._collection(fingerprint):
            raise IndexMismatch(f"{collection!r} is not a collection of {fingerprint.model!r}: ingest the file again")
        vectors = await self._embedder.passages([row.text for row in texts])
        await self._collections.upsert(
            collection,
            [VectorRow(row.row_id, row.faq_id, row.kind, vector) for row, vector in zip(texts, vectors, strict=True)],
        )

    async def publish(self, version: str, entries: int, difference: Difference, kinds: Kinds, source: str) -> None:
        """Make a staged version live, with the kinds of vectors that are complete; nothing where it is so already."""
        published = difference.published
        await self._collections.publish(difference.collection)
        if published and (published.version, published.kinds) == (version, kinds):
            return
        await self._snapshots.publish(
            Manifest(
                version=version,
                collection=difference.collection,
                fingerprint=difference.fingerprint,
                kinds=kinds,
                entries=entries,
                source=source,
                published_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )

    async def sweep(self, difference: Difference) -> None:
        """Delete the rows that no entry has any more. Only now: until the new entries are live, the old are shown."""
        await self._collections.delete(difference.collection, difference.stale)

    def _collection(self, fingerprint: Fingerprint) -> str:
        return f"{self._name}_{fingerprint.slug}"

    async def run(
        self,
        raw: Sequence[RawEntry],
        utterances: Mapping[str, Sequence[str]],
        source: str,
        progress: Progress,
    ) -> Report:
        """The whole ingest in one process, published after every stage that had something to embed."""
        plan = await self.plan(raw, utterances)
        await self.stage(plan)
        difference = plan.difference
        done, total = 0, len(difference.missing)
        complete = difference.kinds
        progress(done, total, complete)
        for stage in STAGES:
            # Texts of like length share a batch: a batch costs what its longest text costs.
            todo = sorted((row for row in difference.missing if row.kind in stage), key=lambda row: len(row.text))
            for start in range(0, len(todo), self._batch):
                batch = todo[start : start + self._batch]
                await self.embed(difference.collection, batch)
                done += len(batch)
                progress(done, total, complete)
            complete = tuple(dict.fromkeys((*complete, *stage)))
            if todo or stage == STAGES[-1]:
                await self.publish(plan.version, len(plan.entries), difference, complete, source)
                progress(done, total, complete)
        await self.sweep(difference)
        return Report(plan.read, plan.changes, done, len(difference.stale), plan.version, complete, plan.faq)


def _compare(before: Mapping[str, Entry], after: Sequence[Entry]) -> Changes:
    kept = [(before[entry.faq_id], entry) for entry in after if entry.faq_id in before]
    changed = sum(old != new for old, new in kept)
    return Changes(len(after) - len(kept), changed, len(kept) - changed, len(before) - len(kept))


def _version(entries: Mapping[str, Entry], collection: str) -> str:
    """The name of a version is its content."""
    digest = hashlib.sha256(f"{collection}\n".encode())
    for entry in entries.values():
        digest.update(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False, sort_keys=True).encode())
    return digest.hexdigest()[:16]
