"""What the domain needs from the outside, each port as small as its caller allows.

Every method may raise `Unavailable`; what else may cross is named where it may.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import Protocol

from faqchat.conversation import Feedback, Turn
from faqchat.events import Event, Usage
from faqchat.faq import Entry, RawEntry
from faqchat.index import Fingerprint, Hit, IndexSnapshot, Kind, Manifest, VectorRow
from faqchat.prompt import Brief, Message
from faqchat.runs import Batch, Run, Settlement, Status
from faqchat.turnlog import Claim, Recorded, Signals


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

    async def published(self) -> Manifest | None:
        """The manifest of the published snapshot; None where nothing was published."""
        ...

    async def stage(self, version: str, entries: Mapping[str, Entry]) -> None:
        """Lay the entries of a version down; nobody reads them before it is published."""
        ...

    async def staged(self, version: str) -> dict[str, Entry]:
        """The entries of a version. Raises `NotFound` where they were never laid down, or removed since."""
        ...

    async def publish(self, manifest: Manifest) -> None:
        """Make a staged version the published one; readers see the old or the new one, never a mixture."""
        ...


class Uploads(Protocol):
    """Where FAQ files are put."""

    async def read(self, key: str) -> tuple[list[RawEntry], dict[str, tuple[str, ...]]]:
        """A file's entries, and the utterances that lie beside it.

        Raises `BadSource` for a file that is no FAQ, `NotFound` for one that is not there.
        """
        ...


class Runs(Protocol):
    """The record of the pipeline's runs. Each call is one atomic change."""

    async def begin(self, run: Run) -> Run:
        """Begin the run, or its next round; gives it with that round's number."""
        ...

    async def record(self, run: Run) -> Run:
        """Keep a run that ended before it sent anything; one of the same id that is under way stays as it is."""
        ...

    async def get(self, run_id: str) -> Run:
        """One run. Raises `NotFound`."""
        ...

    async def newest(self) -> Run | None:
        """The run of the newest upload that was not refused."""
        ...

    async def latest(self, limit: int) -> list[Run]:
        """The last runs, newest first."""
        ...

    async def complete(self, batch: Batch) -> Run:
        """A batch is stored; one that was counted before, or is of an older round, changes nothing."""
        ...

    async def fail(self, batch: Batch, why: str) -> None:
        """A batch was tried in vain; forgotten when it is completed after all."""
        ...

    async def end(self, run_id: str, status: Status, error: str = "") -> Run:
        """The run is over."""
        ...


class PipelineQueue(Protocol):
    """How the pipeline's steps reach each other. What is sent is delivered at least once, in any order."""

    async def embed(self, batches: Iterable[Batch]) -> None:
        """Have batches embedded."""
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Have a run settled; settlements are delivered one at a time."""
        ...


class History(Protocol):
    """Conversations. Expired ones are gone, whether or not the store has removed them yet."""

    async def create(self, session_id: str) -> None:
        """Begin a conversation under a new id."""
        ...

    async def recent(self, session_id: str, limit: int) -> list[Turn]:
        """The last `limit` turns that were not replaced, oldest first.

        Raises `NotFound` for an unknown or expired session.
        """
        ...

    async def append(self, turn: Turn, replaces: str | None = None) -> None:
        """Store a turn, and mark the one that it replaces; never overwrites another.

        Raises `NotFound` where the session was deleted meanwhile, `Conflict` where there is no turn to replace.
        """
        ...

    async def rate(self, session_id: str, turn_id: str, feedback: Feedback) -> None:
        """Keep what the seller thinks of a turn, in place of what they thought before. Raises `NotFound`."""
        ...

    async def delete(self, session_id: str) -> list[str]:
        """Remove a conversation and all its turns, and give their ids. Raises `NotFound` for an unknown one."""
        ...


class Archive(Protocol):
    """All conversations, for reports."""

    def since(self, days: int) -> AsyncIterator[Turn]:
        """The turns of the last days, replaced ones included, in no order."""
        ...


class TurnLog(Protocol):
    """What turns said so far, for readers in other processes, and what those readers want. All of it expires."""

    async def open(self, turn_id: str, session_id: str) -> None:
        """Begin the record of a turn, alive from now on."""
        ...

    async def append(self, turn_id: str, first: int, events: Sequence[Event]) -> None:
        """Add events, the first of which has this number; the same again changes nothing."""
        ...

    async def beat(self, turn_id: str) -> Signals:
        """Say that the turn is alive, and hear what is wanted of it."""
        ...

    async def read(self, turn_id: str, after: int = -1) -> Recorded:
        """The events with greater numbers. Raises `NotFound` for an unknown or expired turn."""
        ...

    async def cancel(self, turn_id: str) -> None:
        """Want the turn to end. Raises `NotFound`."""
        ...

    async def watch(self, turn_id: str) -> None:
        """Want the turn to go on: somebody reads it. Raises `NotFound`."""
        ...

    async def erase(self, turn_ids: Sequence[str]) -> None:
        """Remove all that is kept of turns; unknown ones are ignored."""
        ...


class Claims(Protocol):
    """Which turn a caller's idempotency key stands for."""

    async def claim(self, key: str, claim: Claim, instead_of: str | None = None) -> Claim:
        """The claim that holds: this one, or an earlier one unless that is of the turn `instead_of`."""
        ...

    async def release(self, key: str, turn_id: str) -> None:
        """Give the key up, where it stands for this turn."""
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
