import asyncio
import math
import secrets
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymilvus import MilvusClient

from faqchat.adapters.milvus import MilvusVectors
from faqchat.errors import IndexMismatch, Unavailable
from faqchat.index import Fingerprint, Hit, VectorRow

WIDTH = 8
OURS = Fingerprint(model="e5-passage", dimensions=WIDTH, probe=(0.1, 0.2, 0.3))
OTHER = Fingerprint(model="text-embedding-3-small", dimensions=WIDTH, probe=(0.3, 0.2, 0.1))


def unit(*values):
    vector = [*values, *[0.0] * (WIDTH - len(values))]
    length = math.hypot(*vector)
    return [value / length for value in vector]


def a_row(number, kind="title", vector=None):
    angle = number / 100
    return VectorRow(
        f"{number:012x}:{kind}:{number:016x}", f"{number:012x}", kind, vector or unit(math.cos(angle), math.sin(angle))
    )


class Names:
    """An alias and collections of its own for each test."""

    def __init__(self):
        unique = secrets.token_hex(4)
        self.alias = f"faq_{unique}"
        self.first = f"first_{unique}"
        self.second = f"second_{unique}"


@pytest.fixture
def names():
    return Names()


@pytest.fixture
async def connect(milvus_server, names):
    made = []

    def connect(fingerprint=OURS, alias=names.alias, **options):
        async def ask():
            return fingerprint

        made.append(MilvusVectors(milvus_server.uri, alias, ask, **options))
        return made[-1]

    yield connect
    for vectors in made:
        await vectors.aclose()


@pytest.fixture
async def vectors(connect, names):
    """Three titles and an utterance, published."""
    vectors = connect()
    await vectors.open(names.first, OURS)
    await vectors.upsert(names.first, [a_row(0), a_row(10), a_row(20), a_row(10, "utterance")])
    await vectors.publish(names.first)
    return vectors


async def test_the_nearest_rows_of_a_kind_come_best_first_with_their_cosine(vectors):
    near_first, near_last = await vectors.search([unit(1), unit(0, 1)], "title", 2)
    assert [hit.faq_id for hit in near_first] == [f"{0:012x}", f"{10:012x}"]
    assert [hit.score for hit in near_first] == pytest.approx([1.0, math.cos(0.1)], abs=1e-5)
    assert [hit.faq_id for hit in near_last] == [f"{20:012x}", f"{10:012x}"]
    assert await vectors.search([unit(1)], "utterance", 5) == [[Hit(f"{10:012x}", pytest.approx(math.cos(0.1)))]]


async def test_a_kind_without_rows_finds_nothing(vectors):
    assert await vectors.search([unit(1), unit(0, 1)], "passage", 5) == [[], []]
    assert await vectors.search([], "title", 5) == []


async def test_an_entry_may_occur_with_several_rows(vectors, names):
    await vectors.upsert(names.first, [VectorRow("again", f"{0:012x}", "title", unit(1, 0.01))])
    (hits,) = await vectors.search([unit(1)], "title", 5)
    assert [hit.faq_id for hit in hits].count(f"{0:012x}") == 2


async def test_all_row_ids_are_known_and_deleted_ones_are_gone(vectors, names):
    rows = [a_row(number, "passage") for number in range(3_000)]
    await vectors.upsert(names.first, rows)
    ids = await vectors.row_ids(names.first)
    assert len(ids) == 3_004
    await vectors.delete(names.first, [*(row.row_id for row in rows), "never-there"])
    assert await vectors.row_ids(names.first) == ids - {row.row_id for row in rows}
    await vectors.delete(names.first, [])


async def test_a_row_that_is_written_again_is_replaced(vectors, names):
    await vectors.upsert(names.first, [a_row(0, vector=unit(0, 0, 1))])
    await vectors.publish(names.first)
    assert len(await vectors.row_ids(names.first)) == 4
    (hits,) = await vectors.search([unit(0, 0, 1)], "title", 1)
    assert hits == [Hit(f"{0:012x}", pytest.approx(1.0, abs=1e-5))]


async def test_before_anything_was_ingested_the_error_says_what_to_do(connect):
    vectors = connect()
    for call in (vectors.search([unit(1)], "title", 1), vectors.ping()):
        with pytest.raises(Unavailable, match="run ingest"):
            await call


async def test_a_collection_of_another_model_is_not_searched(vectors, connect):
    await vectors.ping()
    stranger = connect(OTHER)
    for call in (stranger.search([unit(1)], "title", 1), stranger.ping()):
        with pytest.raises(IndexMismatch, match=r"e5-passage.*text-embedding-3-small.*run ingest"):
            await call


async def test_a_model_that_changed_under_its_name_is_not_searched(vectors, connect):
    moved = OURS.model_copy(update={"probe": (0.3, -0.2, 0.1)})
    with pytest.raises(IndexMismatch, match="other vectors than it did"):
        await connect(moved).search([unit(1)], "title", 1)


async def test_a_collection_of_another_model_is_not_opened(vectors, names):
    with pytest.raises(IndexMismatch):
        await vectors.open(names.first, OTHER)
    await vectors.open(names.first, OURS)
    assert len(await vectors.row_ids(names.first)) == 4


async def test_a_collection_made_by_others_is_neither_opened_nor_dropped(vectors, names, milvus_server):
    client = MilvusClient(milvus_server.uri)
    client.create_collection(names.second, dimension=WIDTH)
    with pytest.raises(IndexMismatch, match="not made by this project"):
        await vectors.open(names.second, OURS)
    await vectors.publish(names.first)
    assert client.has_collection(names.second)
    client.drop_collection(names.second)


async def test_publishing_moves_the_alias_and_drops_what_it_replaced(vectors, connect, names, milvus_server):
    await vectors.search([unit(1)], "title", 1)
    elsewhere = connect(alias=f"{names.alias}_b")
    await elsewhere.open(f"{names.first}_b", OURS)
    await vectors.open(names.second, OTHER)
    await vectors.upsert(names.second, [a_row(30)])
    await vectors.publish(names.second)
    with pytest.raises(IndexMismatch):  # noticed at once where it was published, elsewhere within RECHECK_S
        await vectors.search([unit(1)], "title", 1)
    assert await connect(OTHER).search([unit(1)], "title", 1) == [[Hit(f"{30:012x}", pytest.approx(math.cos(0.3)))]]
    there = MilvusClient(milvus_server.uri).list_collections()
    assert names.first not in there
    assert {names.second, f"{names.first}_b"} <= set(there)


async def test_readers_never_notice_a_publication(vectors, connect, names):
    done = asyncio.Event()
    searches = 0

    async def read():
        nonlocal searches
        reader = connect()
        while not done.is_set():
            (hits,) = await reader.search([unit(1)], "title", 1)
            assert hits == [Hit(f"{0:012x}", pytest.approx(1.0, abs=1e-5))]
            searches += 1

    async def publish():
        for collection in (names.second, names.first) * 4:
            await vectors.open(collection, OURS)
            await vectors.upsert(collection, [a_row(0), a_row(10)])
            await vectors.publish(collection)
        done.set()

    await asyncio.gather(publish(), *(read() for _ in range(4)))
    assert searches > 8


async def test_a_collection_left_half_made_is_completed(vectors, names, milvus_server):
    client = MilvusClient(milvus_server.uri)
    client.release_collection(names.first)
    client.drop_index(names.first, "vector")
    client.drop_partition(names.first, "utterance")
    await vectors.open(names.first, OURS)
    await vectors.upsert(names.first, [a_row(1, "utterance")])
    (hits,) = await vectors.search([unit(1)], "utterance", 5)
    assert [hit.faq_id for hit in hits] == [f"{1:012x}"]


async def test_the_model_is_compared_once_for_many_searches(vectors, monkeypatch):
    await vectors.ping()
    client = vectors._milvus._client
    described = []
    describe = client.describe_collection
    monkeypatch.setattr(client, "describe_collection", lambda *a, **k: described.append(a) or describe(*a, **k))
    vectors._trusted_until = 0
    await asyncio.gather(*(vectors.search([unit(1)], "title", 1) for _ in range(20)))
    assert len(described) == 1


async def test_a_killed_server_is_unavailable_at_once_and_found_again(vectors, names, milvus_server):
    await vectors.search([unit(1)], "title", 1)
    await vectors.upsert(names.first, [a_row(40)])  # not flushed
    milvus_server.kill()
    try:
        started = time.monotonic()
        for _ in range(3):
            with pytest.raises(Unavailable):
                await vectors.search([unit(1)], "title", 1)
        assert time.monotonic() - started < 2
    finally:
        milvus_server.start()
    deadline = time.monotonic() + 10
    while True:
        try:
            (hits,) = await vectors.search([unit(1)], "title", 1)
            break
        except Unavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
    assert hits == [Hit(f"{0:012x}", pytest.approx(1.0, abs=1e-5))]
    assert a_row(40).row_id in await vectors.row_ids(names.first)


async def test_a_server_that_hangs_is_unavailable_after_the_timeout(vectors, connect, milvus_server):
    impatient = connect(timeout_s=0.5)
    await impatient.search([unit(1)], "title", 1)
    milvus_server.send(signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="DEADLINE_EXCEEDED"):
            await impatient.search([unit(1)], "title", 1)
        assert time.monotonic() - started < 2
    finally:
        milvus_server.send(signal.SIGCONT)
    assert len(await impatient.search([unit(1)], "title", 1)) == 1


async def test_every_event_loop_may_use_the_same_client(vectors):
    def search_in_a_loop_of_its_own(_):
        return asyncio.run(vectors.search([unit(1)], "title", 1))

    with ThreadPoolExecutor(3) as threads:
        for found in threads.map(search_in_a_loop_of_its_own, range(9)):
            assert found == [[Hit(f"{0:012x}", pytest.approx(1.0, abs=1e-5))]]


async def test_nobody_listening_is_unavailable(names):
    async def ask():
        return OURS

    vectors = MilvusVectors("http://127.0.0.1:9", names.alias, ask, timeout_s=1)
    with pytest.raises(Unavailable):
        await vectors.search([unit(1)], "title", 1)


def test_building_the_adapters_imports_no_sdk():
    """`import pymilvus` alone takes two seconds; whoever builds the app does not wait for it."""
    program = """
import sys
from faqchat.adapters.dynamodb import DynamoHistory
from faqchat.adapters.faq_files import read_faq_file
from faqchat.adapters.milvus import MilvusVectors
from faqchat.adapters.s3 import S3Snapshots
DynamoHistory("table", 30), S3Snapshots("bucket"), MilvusVectors("http://127.0.0.1:9", "faq", lambda: None)
print(*{"boto3", "botocore", "grpc", "pandas", "pymilvus"} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
