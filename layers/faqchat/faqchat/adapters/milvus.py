"""The vector index in Milvus: one collection an embedding model, one partition a kind of text, one alias for chat."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from faqchat.adapters.milvus_connection import MilvusConnection
from faqchat.errors import IndexMismatch
from faqchat.index import Fingerprint, Hit, Kind, VectorRow

# Partitions, not a filter on the kind: Milvus Lite looks at every row in scope (23,000 rows, three kinds, two vectors
# each, k = 50: 26 ms against 115 ms). HNSW, not FLAT: as quick when the machine is idle, half the time when it is busy.
# At ef = 512 it finds all of the ten nearest and .995 of the 250 nearest.
HNSW = {"M": 16, "efConstruction": 200}
HNSW_EF = 512
KINDS: tuple[Kind, ...] = get_args(Kind)

RECHECK_S = 5.0  # how long an alias is trusted to name the collection that it named before
INGEST_TIMEOUT_S = 60.0  # nobody waits for a flush
BATCH = 1_000  # rows a request: 1.5 MB at 384 dimensions, 12 MB at 3,072; a server takes 64 MB

PROPERTY = "faqchat"  # Milvus Lite keeps a collection's properties and drops its description

_Item = TypeVar("_Item")


class _Label(BaseModel):
    """What a collection says of itself: which alias it was built for, and by which model."""

    alias: str
    fingerprint: Fingerprint


class MilvusVectors:
    """`VectorSearch` and `VectorCollections` on one Milvus."""

    def __init__(
        self,
        uri: str,
        alias: str,
        fingerprint: Callable[[], Awaitable[Fingerprint]],
        *,
        token: str = "",
        timeout_s: float = 5.0,
    ) -> None:
        self._alias = alias
        self._fingerprint = fingerprint
        self._timeout_s = timeout_s
        self._milvus = MilvusConnection(uri, token, timeout_s)
        self._checking = threading.Lock()
        self._trusted_until = float("-inf")

    async def search(self, vectors: Sequence[list[float]], kind: Kind, limit: int) -> list[list[Hit]]:
        """For each vector the best rows of a kind in the collection behind the alias."""
        if not vectors:
            return []
        fingerprint = await self._fingerprint()

        def search(client: Any) -> list[list[Hit]]:
            self._check(client, fingerprint)
            found = client.search(
                self._alias,
                data=list(vectors),
                anns_field="vector",
                partition_names=[kind],
                limit=limit,
                output_fields=["faq_id"],  # left out, every field comes back, vectors too
                search_params={"metric_type": "COSINE", "params": {"ef": max(HNSW_EF, limit)}},
                timeout=self._timeout_s,
            )
            return [[Hit(hit["entity"]["faq_id"], float(hit["distance"])) for hit in hits] for hits in found]

        return await self._milvus.run(self._alias, search)

    async def ping(self) -> None:
        """Raise what a search would raise; for the readiness check."""
        fingerprint = await self._fingerprint()
        await self._milvus.run(self._alias, lambda client: self._compare(client, self._alias, fingerprint))

    async def open(self, collection: str, fingerprint: Fingerprint) -> None:
        """Create the collection where it is missing, and what an earlier run left out of it."""
        await self._milvus.run(collection, lambda client: self._open(client, collection, fingerprint))

    async def row_ids(self, collection: str) -> set[str]:
        """The ids of all rows, in one reply: 0.5 s and 1 MB for 23,000."""

        def query(client: Any) -> set[str]:
            rows = client.query(
                collection,
                filter='row_id != ""',
                output_fields=["row_id"],
                consistency_level="Strong",
                timeout=INGEST_TIMEOUT_S,
            )
            return {row["row_id"] for row in rows}

        return await self._milvus.run(collection, query)

    async def upsert(self, collection: str, rows: Sequence[VectorRow]) -> None:
        """Write rows, each to the partition of its kind. Milvus has logged them when it answers."""

        def write(client: Any) -> None:
            for kind in KINDS:
                for batch in _batches([row._asdict() for row in rows if row.kind == kind]):
                    client.upsert(collection, batch, partition_name=kind, timeout=INGEST_TIMEOUT_S)

        await self._milvus.run(collection, write)

    async def delete(self, collection: str, row_ids: Iterable[str]) -> None:
        """Remove rows."""
        doomed = list(row_ids)

        def remove(client: Any) -> None:
            for batch in _batches(doomed):
                client.delete(collection, ids=batch, timeout=INGEST_TIMEOUT_S)

        await self._milvus.run(collection, remove)

    async def publish(self, collection: str) -> None:
        """Move the alias, then drop every other collection that was built for it."""
        await self._milvus.run(collection, lambda client: self._publish(client, collection))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._milvus.aclose()

    def _check(self, client: Any, fingerprint: Fingerprint) -> None:
        """Compare models, once every RECHECK_S: the alias may have moved to another model's collection."""
        with self._checking:  # the kinds of one turn are searched at once; one of them checks
            if time.monotonic() < self._trusted_until:
                return
            self._compare(client, self._alias, fingerprint)
            self._trusted_until = time.monotonic() + RECHECK_S

    def _compare(self, client: Any, name: str, fingerprint: Fingerprint) -> None:
        described = client.describe_collection(name, timeout=self._timeout_s)
        label = _label(described)
        collection = described["collection_name"]
        if label is None:
            raise IndexMismatch(
                f"collection {collection!r} was not made by this project: set FAQCHAT_MILVUS_ALIAS to another name"
            )
        stored = label.fingerprint
        if not stored.matches(fingerprint):
            raise IndexMismatch(
                f"collection {collection!r} was built by {stored.model!r} ({stored.dimensions} dimensions), and the "
                f"embedder is {fingerprint.model!r} ({fingerprint.dimensions} dimensions)"
                f"{', which gives other vectors than it did then' if stored.model == fingerprint.model else ''}: "
                "run ingest with this embedder, or configure the one that built the collection"
            )

    def _open(self, client: Any, collection: str, fingerprint: Fingerprint) -> None:
        if client.has_collection(collection, timeout=INGEST_TIMEOUT_S):
            self._compare(client, collection, fingerprint)
        else:
            label = _Label(alias=self._alias, fingerprint=fingerprint)
            client.create_collection(
                collection,
                schema=_schema(client, fingerprint.dimensions),
                properties={PROPERTY: label.model_dump_json()},
                timeout=INGEST_TIMEOUT_S,
            )
        there = client.list_partitions(collection, timeout=INGEST_TIMEOUT_S)
        for kind in KINDS:
            if kind not in there:
                client.create_partition(collection, kind, timeout=INGEST_TIMEOUT_S)
        if "vector" not in client.list_indexes(collection):
            index = client.prepare_index_params()
            index.add_index("vector", index_name="vector", index_type="HNSW", metric_type="COSINE", params=HNSW)
            client.create_index(collection, index, timeout=INGEST_TIMEOUT_S)
        client.load_collection(collection, timeout=INGEST_TIMEOUT_S)

    def _publish(self, client: Any, collection: str) -> None:
        client.flush(collection, timeout=INGEST_TIMEOUT_S)  # from here on these rows are indexed, not scanned
        if self._alias not in client.list_aliases(timeout=INGEST_TIMEOUT_S)["aliases"]:
            client.create_alias(collection, self._alias, timeout=INGEST_TIMEOUT_S)
        else:
            client.alter_alias(collection, self._alias, timeout=INGEST_TIMEOUT_S)
        self._trusted_until = float("-inf")
        for other in client.list_collections(timeout=INGEST_TIMEOUT_S):
            label = _label(client.describe_collection(other, timeout=INGEST_TIMEOUT_S))
            if other != collection and label is not None and label.alias == self._alias:
                client.drop_collection(other, timeout=INGEST_TIMEOUT_S)


def _schema(client: Any, dimensions: int) -> Any:
    from pymilvus import DataType  # noqa: PLC0415 # 2 s to import; here the client has paid for it

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("row_id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("faq_id", DataType.VARCHAR, max_length=32)
    schema.add_field("kind", DataType.VARCHAR, max_length=32)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
    return schema


def _label(described: dict[str, Any]) -> _Label | None:
    try:
        return _Label.model_validate_json(described.get("properties", {}).get(PROPERTY, ""))
    except ValidationError:
        return None


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
