"""The pipeline's ports in memory, and a broker that delivers as badly as queues may."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime

from faqchat.errors import FaqChatError, NotFound
from faqchat.ingest import Ingest
from faqchat.pipeline import Pipeline
from faqchat.runs import SWEEP, Batch, Run, Settlement, Status
from tests.fakes import FakeEmbedder, FakeSnapshots, FakeVectors

RECEIVES = 5


class FakeUploads:
    """Files by key; an exception among them is raised when it is read."""

    def __init__(self) -> None:
        self.files = {}
        self.utterances = {}

    async def read(self, key):
        found = self.files.get(key, NotFound(f"there is no {key}"))
        if isinstance(found, Exception):
            raise found
        return list(found), self.utterances


class FakeRuns:
    """Runs in memory."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}

    async def begin(self, run: Run) -> Run:
        before = self.runs.get(run.run_id)
        return self._keep(
            run,
            status="embedding",
            round=(before.round if before else 0) + 1,
            failed={},
            error="",
            ended_at=None,
        )

    async def record(self, run: Run) -> Run:
        return self.runs.setdefault(run.run_id, run)

    async def get(self, run_id: str) -> Run:
        if run_id not in self.runs:
            raise NotFound(run_id)
        return self.runs[run_id]

    async def newest(self) -> Run | None:
        usable = [run for run in await self.latest(len(self.runs)) if run.status != "refused"]
        return usable[0] if usable else None

    async def latest(self, limit: int) -> list[Run]:
        return sorted(self.runs.values(), key=lambda run: run.run_id, reverse=True)[:limit]

    async def complete(self, batch: Batch) -> Run:
        run = await self.get(batch.run_id)
        if run.round != batch.round:
            return run
        failed = {number: why for number, why in run.failed.items() if number != batch.number}
        return self._keep(run, pending=run.pending - {batch.number}, failed=failed)

    async def fail(self, batch: Batch, why: str) -> None:
        run = await self.get(batch.run_id)
        if run.round == batch.round and batch.number in run.pending:
            self._keep(run, failed={**run.failed, batch.number: why})

    async def end(self, run_id: str, status: Status, error: str = "") -> Run:
        run = await self.get(run_id)
        return self._keep(run, status=status, error=error, ended_at=datetime.now(UTC), pending=frozenset())

    def _keep(self, run: Run, **changes) -> Run:
        self.runs[run.run_id] = run.model_copy(update=changes)
        return self.runs[run.run_id]


class Broker:
    """A `PipelineQueue` whose messages a test delivers: in any order, again, or over and over in vain."""

    def __init__(self, seed: int = 0) -> None:
        self.batches: list[Batch] = []
        self.settlements: list[Settlement] = []
        self.dead: list[Batch] = []
        self.random = random.Random(seed)
        self._sent_settlements: set[tuple[str, int]] = set()

    async def embed(self, batches: Iterable[Batch]) -> None:
        self.batches += batches

    async def settle(self, settlement: Settlement) -> None:
        once = (settlement.run_id, settlement.round)
        if settlement.round == SWEEP or once not in self._sent_settlements:
            self.settlements.append(settlement)
        self._sent_settlements.add(once)


class Cloud:
    """The pipeline on fakes."""

    def __init__(self, seed: int = 0) -> None:
        self.embedder = FakeEmbedder()
        self.vectors = FakeVectors()
        self.snapshots = FakeSnapshots()
        self.uploads = FakeUploads()
        self.runs = FakeRuns()
        self.broker = Broker(seed)
        self.banks = {"in_scope": ["송장을 잘못 적었는데 고쳐지나요"], "out_of_scope": ["오늘 날씨 어때"]}
        self.ingest = Ingest(self.embedder, self.vectors, self.snapshots, self.banks, batch=4)
        self.pipeline = Pipeline(self.ingest, self.uploads, self.runs, self.broker)

    async def deliver(self, *, repeat: float = 0.0) -> None:
        """Deliver until nothing is left: batches in any order, some twice; a settlement alone, as its queue does."""
        receives: dict[Batch, int] = {}
        broker = self.broker
        while broker.batches or broker.settlements:
            if broker.settlements and (not broker.batches or broker.random.random() < 0.3):
                await self.pipeline.settle(broker.settlements.pop(0))
                continue
            batch = broker.batches.pop(broker.random.randrange(len(broker.batches)))
            receives[batch] = receives.get(batch, 0) + 1
            try:
                await self.pipeline.embed(batch)
            except FaqChatError:
                (broker.dead if receives[batch] >= RECEIVES else broker.batches).append(batch)
            else:
                if broker.random.random() < repeat:
                    broker.batches.append(batch)

    async def redrive(self) -> None:
        """Send the dead letters again."""
        self.broker.batches += self.broker.dead
        self.broker.dead = []
        await self.deliver()

    @property
    def rows(self):
        return self.vectors.collections[self.vectors.alias]
