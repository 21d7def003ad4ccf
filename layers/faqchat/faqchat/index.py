"""What ingest builds and chat reads: vector rows in a collection, and a snapshot of the catalogue beside them."""

import hashlib
import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from faqchat.faq import Entry

if TYPE_CHECKING:
    from faqchat.ports import LexicalIndex

Kind = Literal["title", "utterance", "passage", "in_scope", "out_of_scope"]


class Hit(NamedTuple):
    """An entry and how well it matched; the scale is the index's own, larger is better."""

    faq_id: str
    score: float


class Query(NamedTuple):
    """A text to search and how much its scores count."""

    text: str
    weight: float = 1.0


class TextRow(NamedTuple):
    """A text to embed. The id holds the text's hash, so equal ids mean equal vectors."""

    row_id: str
    faq_id: str
    kind: Kind
    text: str


class VectorRow(NamedTuple):
    """A text row, embedded."""

    row_id: str
    faq_id: str
    kind: Kind
    vector: list[float]


class Fingerprint(BaseModel):
    """Which embedding model made a vector: its name, its width, and what it says to a fixed text."""

    model_config = ConfigDict(frozen=True)

    model: str
    dimensions: int
    probe: tuple[float, ...]

    def matches(self, other: "Fingerprint") -> bool:
        """The same model: equal width and nearly equal probes, since names may be aliases and weights may move."""
        if self.dimensions != other.dimensions or self.model != other.model:
            return False
        dot = sum(a * b for a, b in zip(self.probe, other.probe, strict=True))
        return dot > 0.99 * math.hypot(*self.probe) * math.hypot(*other.probe)

    @property
    def slug(self) -> str:
        """A short name for collections of this model."""
        return hashlib.sha256(f"{self.model}/{self.dimensions}".encode()).hexdigest()[:8]


class Manifest(BaseModel):
    """What a published index is made of."""

    model_config = ConfigDict(frozen=True)

    version: str
    collection: str
    fingerprint: Fingerprint
    kinds: tuple[Kind, ...]
    entries: int
    source: str
    published_at: str


class Keywords(NamedTuple):
    """The keyword indexes of a catalogue."""

    whole: "LexicalIndex"  # titles, utterances and answers
    asked: "LexicalIndex"  # titles and utterances only: how people ask, undiluted by long answers


class IndexSnapshot(NamedTuple):
    """A manifest and the catalogue that it was published with."""

    manifest: Manifest
    entries: dict[str, Entry]
    keywords: Keywords | None = None  # None where nobody has stored them: they are built from the entries

    def without_utterances(self) -> "IndexSnapshot":
        """The same FAQ, found as keywords by its own words only."""
        bare = {faq_id: entry.model_copy(update={"utterances": ()}) for faq_id, entry in self.entries.items()}
        return self._replace(entries=bare, keywords=None)


def text_row(faq_id: str, kind: Kind, text: str) -> TextRow:
    """A row whose id names its entry, its kind and its text."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return TextRow(f"{faq_id}:{kind}:{digest}", faq_id, kind, text)
