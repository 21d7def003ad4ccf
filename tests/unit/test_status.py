"""Where ingest stands, as people and machines read it."""

import json
from datetime import UTC, datetime

from faqchat.runs import Run
from local.status import IngestStatus
from tests.fakes import World

BEGAN = datetime(2026, 11, 23, tzinfo=UTC)


def a_run(**more):
    return Run(run_id="20261123T000000.000000Z-1", source="faq/a.jsonl", began_at=BEGAN, **more)


async def test_before_anything_was_published_it_says_so():
    status = IngestStatus(None, 0, [])
    assert status.as_text() == "nothing is published yet"
    assert json.loads(status.as_json()) == {"live": None, "missing": 0, "runs": []}


async def test_what_is_live_and_what_is_missing_is_told():
    manifest = (await World().ingested()).snapshots.manifest
    text = IngestStatus(manifest, 1_234, []).as_text()
    assert "live: test, 6 entries" in text
    assert "1,234 of its texts are not embedded yet" in text
    assert "probe" not in IngestStatus(manifest, 0, []).as_json()


async def test_a_run_tells_its_batches_and_what_went_wrong():
    run = a_run(round=2, batches=12, pending=frozenset({3, 7}), failed={7: "Unavailable: 429"})
    lines = IngestStatus(None, 0, [run, a_run(status="refused", error="no FAQ")]).as_text().splitlines()
    assert "embedding, round 2: 10 of 12 batches" in lines[1]
    assert lines[2].strip() == "batch 7: Unavailable: 429"
    assert lines[4].strip() == "no FAQ"
