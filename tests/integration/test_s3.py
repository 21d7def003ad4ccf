import asyncio
import gzip
from datetime import timedelta

import boto3
import pytest

from faqchat import bootstrap
from faqchat.adapters import s3 as adapter
from faqchat.adapters.keyword_file import KeywordFile
from faqchat.adapters.s3 import POINTER, S3Snapshots
from faqchat.catalogue import index_keywords
from faqchat.errors import NotFound, Unavailable
from faqchat.faq import Entry
from faqchat.index import Fingerprint, IndexSnapshot, Manifest
from faqchat.tokens import tokens


def a_snapshot(version, count=3):
    entries = [
        Entry(
            faq_id=f"{number:012x}",
            question=f"[가입] 질문 {number}\u2028?",
            answer="첫 줄\n둘째 줄",
            tags=("가입",),
            related=("0" * 12,),
            utterances=("이렇게도 물어요",),
            content_hash=version,
        )
        for number in range(count)
    ]
    manifest = Manifest(
        version=version,
        collection="faq_12345678",
        fingerprint=Fingerprint(model="e5", dimensions=4, probe=(0.1, -0.2)),
        kinds=("title", "utterance"),
        entries=count,
        source="faq.jsonl",
        published_at="2026-11-22T00:00:00+00:00",
    )
    return IndexSnapshot(manifest, {entry.faq_id: entry for entry in entries})


async def publish(snapshots, snapshot):
    await snapshots.stage(snapshot.manifest.version, snapshot.entries)
    await snapshots.publish(snapshot.manifest)


@pytest.fixture
def old_at_once(monkeypatch):
    """What was staged before this moment is old."""
    monkeypatch.setattr(adapter, "YOUNG", timedelta(0))


@pytest.fixture
def keyword_file():
    return KeywordFile(tokens, bootstrap.sellers_words())


def keys(bucket):
    return [found["Key"] for found in boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


async def test_before_anything_is_published_there_is_nothing(bucket):
    snapshots = S3Snapshots(bucket)
    assert await snapshots.version() is None
    assert await snapshots.load() is None


async def test_a_missing_bucket_holds_nothing(aws):
    snapshots = S3Snapshots("no-such-bucket-here")
    assert await snapshots.version() is None
    assert await snapshots.load() is None
    with pytest.raises(Unavailable, match="NoSuchBucket"):
        await publish(snapshots, a_snapshot("v1"))


async def test_what_is_published_is_loaded_as_it_was(bucket):
    snapshots = S3Snapshots(bucket)
    await publish(snapshots, a_snapshot("v1"))
    loaded = await S3Snapshots(bucket).load()
    assert loaded == a_snapshot("v1")
    assert list(loaded.entries) == list(a_snapshot("v1").entries)


async def test_the_version_changes_with_a_publication_and_only_then(bucket):
    snapshots = S3Snapshots(bucket)
    await publish(snapshots, a_snapshot("v1"))
    first = await snapshots.version()
    assert await snapshots.version() == first
    await publish(snapshots, a_snapshot("v2"))
    assert await snapshots.version() not in {first, None}


async def test_two_earlier_catalogues_are_kept(bucket, old_at_once):
    snapshots = S3Snapshots(bucket)
    for number in range(1, 6):
        await publish(snapshots, a_snapshot(f"v{number}"))
    assert keys(bucket) == [POINTER, *(f"index/v{number}/catalog.jsonl.gz" for number in (3, 4, 5))]


async def test_keyword_indexes_come_and_go_with_their_catalogue(bucket, old_at_once, keyword_file):
    snapshots = S3Snapshots(bucket, keyword_file)
    for number in range(1, 6):
        await publish(snapshots, a_snapshot(f"v{number}"))
    files = ("catalog.jsonl.gz", keyword_file.name)
    assert keys(bucket) == [POINTER, *(f"index/v{number}/{file}" for number in (3, 4, 5) for file in files)]
    loaded = await S3Snapshots(bucket, keyword_file).load()
    assert loaded.entries == a_snapshot("v5").entries
    assert (
        loaded.keywords.whole.search("둘째 줄", 5)
        == index_keywords(loaded.entries, bootstrap.lexical_index).whole.search("둘째 줄", 5)
        != []
    )


@pytest.mark.parametrize("content", [None, b"no zip"], ids=["missing", "damaged"])
async def test_without_keyword_indexes_the_catalogue_is_whole(bucket, keyword_file, content):
    await publish(S3Snapshots(bucket, keyword_file), a_snapshot("v1"))
    key = f"index/v1/{keyword_file.name}"
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=content) if content else s3.delete_object(Bucket=bucket, Key=key)
    assert await S3Snapshots(bucket, keyword_file).load() == a_snapshot("v1")


async def test_keyword_indexes_of_another_format_are_not_read(bucket, keyword_file, monkeypatch):
    await publish(S3Snapshots(bucket, keyword_file), a_snapshot("v1"))
    monkeypatch.setattr(KeywordFile, "name", "keywords-00000000.npz")
    assert await S3Snapshots(bucket, keyword_file).load() == a_snapshot("v1")


async def test_what_was_staged_today_is_kept_for_the_run_that_will_publish_it(bucket):
    snapshots = S3Snapshots(bucket)
    for number in range(5):
        await snapshots.stage(f"v{number}", a_snapshot("v1").entries)
    await publish(snapshots, a_snapshot("v9"))
    assert await snapshots.staged("v0") == a_snapshot("v1").entries


async def test_what_was_staged_is_not_seen_before_it_is_published(bucket):
    snapshots = S3Snapshots(bucket)
    await snapshots.stage("v1", a_snapshot("v1").entries)
    assert (await snapshots.version(), await snapshots.published(), await snapshots.load()) == (None, None, None)


async def test_what_was_never_staged_is_not_found(bucket):
    with pytest.raises(NotFound):
        await S3Snapshots(bucket).staged("v1")


async def test_going_back_to_an_earlier_version_keeps_its_catalogue(bucket):
    snapshots = S3Snapshots(bucket)
    for version in ("v1", "v2", "v3", "v1"):
        await publish(snapshots, a_snapshot(version))
    assert (await snapshots.load()).manifest.version == "v1"


async def test_a_catalogue_replaced_while_it_is_read_is_read_anew(bucket, old_at_once):
    await publish(S3Snapshots(bucket), a_snapshot("v1"))

    class Overtaken:
        """Between the reader's two requests, others publish until the catalogue it was told of is gone."""

        def __init__(self, s3):
            self._s3 = s3
            self._asked = 0

        def get_object(self, **request):
            self._asked += 1
            found = self._s3.get_object(**request)
            if self._asked == 1:
                for version in ("v2", "v3", "v4", "v5"):
                    asyncio.run(publish(S3Snapshots(bucket), a_snapshot(version)))
            return found

    reader = S3Snapshots(bucket)
    reader._s3._client = Overtaken(boto3.client("s3"))
    assert await reader.load() == a_snapshot("v5")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b'{"faq_id": "truncated"}' * 100)[:30],
        gzip.compress(b"{}\n"),
        gzip.compress(b""),  # whole, but not the three entries that the manifest names
    ],
    ids=["empty", "no gzip", "truncated", "no entries", "too few entries"],
)
async def test_a_damaged_catalogue_is_unavailable(bucket, content):
    await publish(S3Snapshots(bucket), a_snapshot("v1"))
    boto3.client("s3").put_object(Bucket=bucket, Key="index/v1/catalog.jsonl.gz", Body=content)
    with pytest.raises(Unavailable):
        await S3Snapshots(bucket).load()


async def test_a_catalogue_that_is_gone_is_unavailable(bucket):
    await publish(S3Snapshots(bucket), a_snapshot("v1"))
    boto3.client("s3").delete_object(Bucket=bucket, Key="index/v1/catalog.jsonl.gz")
    with pytest.raises(Unavailable, match="not there"):
        await S3Snapshots(bucket).load()


async def test_a_pointer_that_is_no_manifest_is_unavailable(bucket):
    boto3.client("s3").put_object(Bucket=bucket, Key=POINTER, Body=b"{}")
    with pytest.raises(Unavailable, match="not a manifest"):
        await S3Snapshots(bucket).load()
