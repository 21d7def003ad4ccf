"""Runs in a real table: every change is one atomic write, and says what it made of the run."""

import asyncio
import secrets
from datetime import UTC, datetime

import boto3
import pytest

from faqchat.adapters.runs_table import DynamoRuns
from faqchat.errors import NotFound, Unavailable
from faqchat.runs import Batch, Run
from tests.integration.tables import create_table


@pytest.fixture
def table(aws):
    dynamodb = boto3.client("dynamodb")
    name = create_table(dynamodb, f"ingest-{secrets.token_hex(4)}", "kind", "run_id")
    yield name
    dynamodb.delete_table(TableName=name)
    dynamodb.close()


@pytest.fixture
def runs(table):
    return DynamoRuns(table)


def a_run(run_id="0001", batches=3, **more):
    pending = frozenset(range(batches))
    return Run(
        run_id=run_id,
        source="faq/정산.jsonl",
        began_at=datetime(2026, 11, 23, tzinfo=UTC),
        version="v",
        collection="faq_1",
        added=7,
        batches=batches,
        pending=pending,
        **more,
    )


def batch(number, round_=1, run_id="0001"):
    return Batch(run_id=run_id, round=round_, number=number, collection="faq_1", rows=())


async def test_a_run_is_read_as_it_was_begun(runs):
    begun = await runs.begin(a_run())
    assert begun == a_run(round=1)
    assert await runs.get("0001") == begun
    assert await runs.newest() == begun


async def test_what_was_never_begun_is_not_found(runs):
    assert await runs.newest() is None
    with pytest.raises(NotFound):
        await runs.get("0001")
    with pytest.raises(NotFound):
        await runs.end("0001", "live")


async def test_a_batch_is_counted_once_however_often_it_is_delivered(runs):
    await runs.begin(a_run())
    for number in (2, 2, 0, 2):
        run = await runs.complete(batch(number))
    assert run.pending == {1}
    assert (await runs.complete(batch(1))).pending == frozenset()
    assert (await runs.complete(batch(1))).pending == frozenset()


async def test_of_batches_that_end_at_once_exactly_one_is_the_last(runs):
    await runs.begin(a_run(batches=24))
    after = await asyncio.gather(*(runs.complete(batch(number)) for number in range(24)))
    assert sorted(len(run.pending) for run in after) == list(range(24))


async def test_a_batch_of_an_older_round_counts_for_nothing(runs):
    await runs.begin(a_run())
    begun = await runs.begin(a_run(batches=2))
    assert (begun.round, begun.pending) == (2, {0, 1})
    assert (await runs.complete(batch(0, round_=1))).pending == {0, 1}
    await runs.fail(batch(0, round_=1), "too late")
    assert (await runs.get("0001")).failed == {}


async def test_a_failure_is_told_until_the_batch_succeeds(runs):
    await runs.begin(a_run())
    await runs.fail(batch(1), "Unavailable: " + "나" * 1_000)
    await runs.fail(batch(1), "Unavailable: 429")
    assert (await runs.get("0001")).failed == {1: "Unavailable: 429"}
    assert (await runs.complete(batch(1))).failed == {}
    await runs.fail(batch(1), "delivered once more")
    assert (await runs.get("0001")).failed == {}


async def test_a_round_without_batches_has_nothing_pending(runs):
    await runs.begin(a_run())
    assert (await runs.begin(a_run(batches=0))).pending == frozenset()


async def test_the_end_is_told_and_a_later_round_takes_it_back(runs):
    await runs.begin(a_run())
    ended = await runs.end("0001", "refused", "the catalogue is gone")
    assert (ended.status, ended.error, ended.pending) == ("refused", "the catalogue is gone", frozenset())
    assert ended.ended_at
    again = await runs.begin(a_run())
    assert (again.status, again.error, again.ended_at) == ("embedding", "", None)


async def test_the_newest_is_the_latest_upload_that_was_not_refused(runs):
    for run_id in ("0003", "0001", "0002"):
        await runs.begin(a_run(run_id))
    for number in range(4, 30):
        await runs.record(a_run(f"{number:04}").ended("refused", "no FAQ"))
    newest = await runs.newest()
    assert newest
    assert newest.run_id == "0003"
    assert [run.run_id for run in await runs.latest(3)] == ["0029", "0028", "0027"]
    assert (await runs.get("0029")).error == "no FAQ"


async def test_a_refusal_does_not_overwrite_a_run_that_is_under_way(runs):
    await runs.begin(a_run())
    assert (await runs.record(a_run().ended("refused"))).status == "embedding"


async def test_four_thousand_batches_fit_into_one_run(runs):
    await runs.begin(a_run(batches=4_000))
    assert len((await runs.complete(batch(3_999))).pending) == 3_999


async def test_a_missing_table_is_unavailable(aws):
    with pytest.raises(Unavailable, match="ResourceNotFound"):
        await DynamoRuns("no-such-table").newest()
