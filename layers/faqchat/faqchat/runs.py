"""A run of the ingest pipeline: which upload, how far it is, how it ended; and the batches that it is cut into."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from faqchat.index import TextRow

# One batch is one request to the embedding model and one message: SQS takes 256 KB, a message of ten a tenth of that.
BATCH_TEXTS = 64
BATCH_BYTES = 100_000

Status = Literal["embedding", "live", "superseded", "refused"]


class Upload(BaseModel):
    """A file that somebody put there. Ids sort by time: of two uploads the one with the greater id is wanted."""

    model_config = ConfigDict(frozen=True)

    upload_id: str
    key: str


class Run(BaseModel):
    """Where an ingest stands.

    `embedding` until every text is stored, then `live`; `superseded` by a newer upload, or `refused` with the reason.
    `failed` names batches that were tried in vain so far: redriven from the dead letters, they may still succeed.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    source: str
    status: Status = "embedding"
    version: str = ""
    collection: str = ""
    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    rejected: int = 0
    texts: int = 0  # to embed in this round
    round: int = 0  # raised whenever what is missing is sent anew; batches of an older round do not count
    batches: int = 0
    pending: frozenset[int] = frozenset()
    failed: dict[int, str] = {}
    began_at: datetime
    ended_at: datetime | None = None
    error: str = ""

    def ended(self, status: Status, error: str = "") -> "Run":
        """The same run, over."""
        return self.model_copy(update={"status": status, "error": error, "ended_at": datetime.now(UTC)})

    def as_json(self) -> dict[str, object]:
        """For people and for callers of the function: how many batches are left, instead of which."""
        shown = self.model_dump(mode="json", exclude={"pending"})
        return {**shown, "pending": len(self.pending)}


class Batch(BaseModel):
    """Texts to embed, whole in itself: a message that is delivered again, or much later, still means the same."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    round: int
    number: int
    collection: str
    rows: tuple[TextRow, ...]


SWEEP = -1  # the round of a settlement that only has to clean up behind an older run


class Settlement(BaseModel):
    """The wish that a run be settled, after the last batch of a round."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    round: int


def upload_id(at: datetime, sequence: str) -> str:
    """An id that sorts by time, then by the bucket's own sequence; the same event always has the same id."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z-{sequence}"


def cut(rows: Sequence[TextRow]) -> Iterator[tuple[TextRow, ...]]:
    """Rows in batches. Texts of like length share one: a batch costs what its longest text costs."""
    batch: list[TextRow] = []
    size = 0
    for row in sorted(rows, key=lambda row: len(row.text)):
        row_bytes = len(json.dumps(row, ensure_ascii=False).encode())
        if batch and (len(batch) == BATCH_TEXTS or size + row_bytes > BATCH_BYTES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(row)
        size += row_bytes
    if batch:
        yield tuple(batch)
