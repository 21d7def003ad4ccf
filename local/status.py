"""Where ingest stands: what is live, what is not embedded yet, and the pipeline's runs."""

import json
from typing import NamedTuple

from faqchat import bootstrap
from faqchat.index import Manifest
from faqchat.runs import Run

RUNS = 5


class IngestStatus(NamedTuple):
    """Read from what is stored, so it is true whoever ingested, and after whatever end."""

    live: Manifest | None
    missing: int  # texts of the live FAQ that are not embedded
    runs: list[Run]

    def as_json(self) -> str:
        """For machines, one line."""
        live = self.live and self.live.model_dump(mode="json", exclude={"fingerprint"})
        runs = [run.as_json() for run in self.runs]
        return json.dumps({"live": live, "missing": self.missing, "runs": runs}, ensure_ascii=False)

    def as_text(self) -> str:
        """For people."""
        lines = ["nothing is published yet"]
        if self.live:
            kinds = ", ".join(self.live.kinds)
            lines = [
                f"live: {self.live.source}, {self.live.entries:,} entries, version {self.live.version}, "
                f"published {self.live.published_at}; searched by {kinds}",
                f"{self.missing:,} of its texts are not embedded yet" if self.missing else "all its texts are embedded",
            ]
        return "\n".join([*lines, *map(_line, self.runs)])


def _line(run: Run) -> str:
    done = run.batches - len(run.pending)
    stands = f"{run.status}, round {run.round}: {done:,} of {run.batches:,} batches"
    problems = [run.error, *(f"batch {number}: {why}" for number, why in sorted(run.failed.items()))]
    return f"run {run.run_id} of {run.source}: {stands}" + "".join(f"\n  {why}" for why in problems if why)


async def read() -> IngestStatus:
    """What the stores say now."""
    runs = await bootstrap.runs().latest(RUNS)
    snapshot = await bootstrap.snapshots().load()
    if snapshot is None:
        return IngestStatus(None, 0, runs)
    difference = await bootstrap.ingest().compare(snapshot.entries)
    return IngestStatus(snapshot.manifest, len(difference.missing), runs)
