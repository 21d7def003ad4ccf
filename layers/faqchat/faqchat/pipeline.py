"""Ingest spread over functions: an upload is planned, its texts are embedded batch by batch, then it is settled.

    begin    the file is compared with what is stored, its catalogue staged, the missing texts sent in batches
    embed    one batch is embedded and stored, and counted once however often it is delivered
    settle   what is complete goes live; what no entry has any more is deleted

Rows are named by what they hold, so every step may be repeated. Settlements never overlap (their queue delivers one at
a time), and each verifies what it publishes: whatever an older run wrote or deleted meanwhile, the next settlement sees
it and sends what is missing again. So of any number of uploads, in any order of delivery, the newest ends live.
"""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

from faqchat.errors import BadSource, FaqChatError, NotFound
from faqchat.index import TextRow
from faqchat.ingest import STAGES, Ingest
from faqchat.ports import PipelineQueue, Runs, Uploads
from faqchat.runs import SWEEP, Batch, Run, Settlement, Upload, cut

RETIRED = 10  # runs looked back at when one goes live: of more that were superseded at once, some keep their old status


class Pipeline:
    """The three steps, each what one function does with one event."""

    def __init__(self, ingest: Ingest, uploads: Uploads, runs: Runs, queue: PipelineQueue) -> None:
        self._ingest = ingest
        self._uploads = uploads
        self._runs = runs
        self._queue = queue

    async def begin(self, upload: Upload) -> Run:
        """Plan an upload and send what must be embedded; a file that cannot be used changes nothing."""
        run = Run(run_id=upload.upload_id, source=upload.key, began_at=datetime.now(UTC))
        try:
            plan = await self._ingest.plan(*await self._uploads.read(upload.key))
        except (BadSource, NotFound) as error:
            return await self._runs.record(run.ended("refused", str(error)))
        await self._ingest.stage(plan)
        run = run.model_copy(
            update={
                "version": plan.version,
                "collection": plan.difference.collection,
                "read": plan.read,
                "rejected": len(plan.faq.rejected),
                **plan.changes._asdict(),
            }
        )
        if await self._newer(run):
            return await self._runs.record(run.ended("superseded"))
        return await self._send(run, plan.difference.missing)

    async def again(self, upload_id: str) -> Run:
        """Plan the newest upload once more: after new utterances, or with another embedding model."""
        newest = await self._runs.newest()
        if newest is None:
            raise NotFound("no FAQ file was ever uploaded")
        return await self.begin(Upload(upload_id=upload_id, key=newest.source))

    async def embed(self, batch: Batch) -> None:
        """Embed and store one batch. Raises what went wrong, after noting it in the run."""
        run = await self._runs.get(batch.run_id)
        if await self._newer(run):
            await self._runs.end(run.run_id, "superseded")
            return
        try:
            await self._ingest.embed(batch.collection, batch.rows)
        except FaqChatError as error:
            await self._runs.fail(batch, f"{type(error).__name__}: {error}")
            raise
        run = await self._runs.complete(batch)
        newer = await self._newer(run)
        if newer:  # it may be live already, and has to sweep away what was just written
            await self._queue.settle(Settlement(run_id=newer.run_id, round=SWEEP))
        elif run.status == "embedding" and not run.pending:
            await self._queue.settle(Settlement(run_id=run.run_id, round=run.round))

    async def settle(self, settlement: Settlement) -> Run:
        """Publish the stages that are complete; then send the next, or delete what is stale and be done."""
        run = await self._runs.get(settlement.run_id)
        if run.status in {"refused", "superseded"} or (run.pending and settlement.round < run.round - 1):
            return run  # what is still being embedded will be settled when it is
        if await self._newer(run):
            return await self._runs.end(run.run_id, "superseded")
        try:
            entries = await self._ingest.staged(run.version)
        except NotFound as error:
            return await self._runs.end(run.run_id, "refused", f"{error}: ingest the file again")
        difference = await self._ingest.compare(entries)
        if difference.collection != run.collection:
            return await self._runs.end(run.run_id, "refused", "the embedding model was changed: ingest the file again")
        lacking = {row.kind for row in difference.missing}
        complete = list(itertools.takewhile(lacking.isdisjoint, STAGES))
        if complete:
            kinds = tuple(dict.fromkeys(itertools.chain(difference.kinds, *complete)))
            await self._ingest.publish(run.version, len(entries), difference, kinds, run.source)
        if lacking:
            return await self._send(run, difference.missing)
        await self._ingest.sweep(difference)
        for other in await self._runs.latest(RETIRED):
            if other.run_id < run.run_id and other.status in {"embedding", "live"}:
                await self._runs.end(other.run_id, "superseded")
        return await self._runs.end(run.run_id, "live")

    async def latest(self, limit: int) -> list[Run]:
        """The last runs, newest first, refused ones among them."""
        return await self._runs.latest(limit)

    async def _send(self, run: Run, missing: Sequence[TextRow]) -> Run:
        """Send the first stage that lacks anything: it can be asked while the next is embedded."""
        stages = ([row for row in missing if row.kind in stage] for stage in STAGES)
        todo = next(filter(None, stages), [])
        batches = dict(enumerate(cut(todo)))
        run = await self._runs.begin(
            run.model_copy(update={"texts": len(todo), "batches": len(batches), "pending": frozenset(batches)})
        )
        await self._queue.embed(
            Batch(run_id=run.run_id, round=run.round, number=number, collection=run.collection, rows=rows)
            for number, rows in batches.items()
        )
        if not batches:
            await self._queue.settle(Settlement(run_id=run.run_id, round=run.round))
        return run

    async def _newer(self, run: Run) -> Run | None:
        """The upload that supersedes this one."""
        newest = await self._runs.newest()
        return newest if newest and newest.run_id > run.run_id else None
