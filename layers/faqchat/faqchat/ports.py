"""What the domain needs from the outside, each port as small as its caller allows.

Every method may raise `Unavailable`; what else may cross is named where it may.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Protocol

from faqchat.conversation import Turn
from faqchat.events import Usage
from faqchat.index import Fingerprint, Hit, IndexSnapshot, Kind, VectorRow
from faqchat.prompt import Brief, Message


class Embedder(Protocol):
    """Texts to vectors."""

    async def queries(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a query."""
        ...

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a passage."""
        ...

    async def fingerprint(self) -> Fingerprint:
        """Who this embedder is; asks the model once, then remembers."""
        ...


class VectorSearch(Protocol):
    """The chat side of the vector index."""

    async def search(self, vectors: Sequence[list[float]], kind: Kind, limit: int) -> list[list[Hit]]:
        """For each vector the best `limit` rows of a kind, best first, cosine as score; an entry may repeat.

        Raises `IndexMismatch` where the live collection was built by another embedding model.
        """
        ...


class VectorCollections(Protocol):
    """The ingest side of the vector index."""

    async def open(self, collection: str, fingerprint: Fingerprint) -> None:
        """Create the collection where missing. Raises `IndexMismatch` where it belongs to another model."""
        ...

    async def row_ids(self, collection: str) -> set[str]:
        """The ids of all rows."""
        ...

    async def upsert(self, collection: str, rows: Sequence[VectorRow]) -> None:
        """Write rows; durable when this returns."""
        ...

    async def delete(self, collection: str, row_ids: Iterable[str]) -> None:
        """Remove rows; ids that are not there are ignored."""
        ...

    async def publish(self, collection: str) -> None:
        """Point the alias that chat reads at this collection, and drop the ones it replaced."""
        ...


class LexicalIndex(Protocol):
    """Keyword search over the catalogue, in memory."""

    def search(self, text: str, limit: int) -> list[Hit]:
        """The best entries by keyword, best first; an entry occurs once."""
        ...

    def unknown_share(self, text: str) -> float:
        """The share of the text's tokens that no entry contains, 0 to 1; 1 for a text without tokens."""
        ...


class Snapshots(Protocol):
    """Where the published catalogue lives."""

    async def version(self) -> str | None:
        """A token that changes with every publication; None where nothing was published."""
        ...

    async def load(self) -> IndexSnapshot | None:
        """The published snapshot; None where nothing was published."""
        ...

    async def publish(self, snapshot: IndexSnapshot) -> None:
        """Make this the published snapshot; readers see the old or the new one, never a mixture."""
        ...


class History(Protocol):
    """Conversations. Expired ones are gone, whether or not the store has removed them yet."""

    async def create(self, session_id: str) -> None:
        """Begin a conversation under a new id."""
        ...

    async def recent(self, session_id: str, limit: int) -> list[Turn]:
        """The last `limit` turns, oldest first. Raises `NotFound` for an unknown or expired session."""
        ...

    async def append(self, turn: Turn) -> None:
        """Store a turn; never overwrites another. Raises `NotFound` where the session was deleted meanwhile."""
        ...

    async def delete(self, session_id: str) -> None:
        """Remove a conversation and all its turns. Raises `NotFound` for an unknown one."""
        ...


class Correction:
    """Among an answer's pieces: here something was replaced or left out that the sources do not support."""


class Generator(Protocol):
    """Writes answers."""

    name: str

    def generate(self, brief: Brief) -> AsyncGenerator[str | Usage | Correction, None]:
        """Pieces of the answer as they come, at last a `Usage`.

        Raises `Unavailable` also where the provider ends without any text.
        """
        ...


class Writer(Protocol):
    """Writes whole texts."""

    name: str

    async def write(self, messages: Sequence[Message]) -> tuple[str, Usage]:
        """One whole text and what it cost."""
        ...
