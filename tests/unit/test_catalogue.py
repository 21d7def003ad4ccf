"""The catalogue in memory is fresh without anybody waiting for it, and survives its store."""

import asyncio
import gc
import math

import pytest

from faqchat import bootstrap
from faqchat.catalogue import LINKED, STARRED, Catalogue, Catalogues, prominence
from faqchat.errors import Unavailable
from faqchat.faq import Entry, faq_id
from faqchat.followups import fold
from tests.fakes import FAQ, FakeSnapshots, World

MINORS, PAPERS, SETTLING = (faq_id(row.question) for row in FAQ[:3])


class CountingSnapshots(FakeSnapshots):
    """Counts what is asked of it; `gate` holds back what it loads."""

    def __init__(self, snapshot):
        super().__init__()
        self.snapshot = snapshot
        self.asked = 0
        self.loaded = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def version(self):
        self.asked += 1
        return await super().version()

    async def load(self):
        self.loaded += 1
        await self.gate.wait()
        return self.snapshot


@pytest.fixture
async def snapshots():
    return CountingSnapshots((await World().ingested()).snapshots.snapshot)


@pytest.fixture
async def newer():
    return (await World().ingested(*FAQ[:2])).snapshots.snapshot


def catalogues(snapshots, refresh_s=0.0):
    return Catalogues(snapshots, bootstrap.lexical_index, refresh_s)


async def settle():
    """Let tasks that run behind come to their end."""
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


async def begin():
    """Let tasks that run behind get as far as they can without anybody else."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestCatalogues:
    async def test_before_anything_was_published_the_error_says_what_to_do(self):
        with pytest.raises(Unavailable, match="run ingest"):
            await catalogues(FakeSnapshots()).current()

    async def test_a_first_load_that_fails_raises_and_is_tried_again(self, snapshots):
        snapshots.down = True
        kept = catalogues(snapshots)
        with pytest.raises(Unavailable, match="snapshots are down"):
            await kept.current()
        snapshots.down = False
        assert len((await kept.current()).entries) == 6

    async def test_what_was_published_after_an_empty_start_is_found(self, snapshots):
        published, snapshots.snapshot = snapshots.snapshot, None
        kept = catalogues(snapshots)
        with pytest.raises(Unavailable):
            await kept.current()
        snapshots.snapshot = published
        assert (await kept.current()).manifest == published.manifest

    async def test_a_newer_version_is_fetched_behind_the_turns_that_go_on(self, snapshots, newer):
        kept = catalogues(snapshots)
        old = await kept.current()
        snapshots.snapshot = newer
        snapshots.gate.clear()
        assert await kept.current() is old
        await begin()
        assert await kept.current() is old
        assert snapshots.loaded == 2
        snapshots.gate.set()
        await settle()
        assert (await kept.current()).manifest == newer.manifest

    async def test_the_same_version_is_not_loaded_again(self, snapshots):
        kept = catalogues(snapshots)
        first = await kept.current()
        for _ in range(3):
            assert await kept.current() is first
            await settle()
        assert snapshots.loaded == 1

    async def test_the_store_is_not_asked_before_the_interval_is_over(self, snapshots, newer):
        kept = catalogues(snapshots, refresh_s=60)
        await kept.current()
        snapshots.snapshot = newer
        await kept.current()
        await settle()
        assert snapshots.asked == 1

    async def test_many_turns_at_once_refresh_once(self, snapshots, newer):
        kept = catalogues(snapshots)
        await kept.current()
        snapshots.snapshot = newer
        snapshots.gate.clear()
        await asyncio.gather(*(kept.current() for _ in range(20)))
        await begin()
        snapshots.gate.set()
        await settle()
        assert snapshots.loaded == 2

    async def test_a_store_that_is_away_leaves_the_catalogue_in_memory_serving(self, snapshots, newer, caplog):
        kept = catalogues(snapshots)
        first = await kept.current()
        snapshots.down = True
        for _ in range(3):
            assert await kept.current() is first
            await settle()
        gc.collect()
        assert "never retrieved" not in caplog.text
        snapshots.down, snapshots.snapshot = False, newer
        await kept.current()
        await settle()
        assert (await kept.current()).manifest == newer.manifest

    async def test_a_publication_that_was_withdrawn_leaves_the_last_one_serving(self, snapshots):
        kept = catalogues(snapshots)
        first = await kept.current()
        snapshots.snapshot = None
        await kept.current()
        await settle()
        assert await kept.current() is first


@pytest.fixture
async def catalogue(snapshots):
    return Catalogue.build(snapshots.snapshot, bootstrap.lexical_index)


class TestCatalogue:
    async def test_titles_count_more_than_answers(self, catalogue):
        assert catalogue.whole.search("서류", 5)[0].faq_id == PAPERS

    async def test_answers_are_found_by_the_whole_index_only(self, catalogue):
        food = faq_id(FAQ[4].question)
        assert catalogue.whole.search("영업신고증", 5)[0].faq_id == food
        assert food not in {hit.faq_id for hit in catalogue.asked.search("영업신고증", 5)}

    async def test_utterances_are_found_by_both(self):
        world = World()
        await world.ingest.run(FAQ, {SETTLING: ["월급날이 궁금"]}, "test", lambda *_: None)
        catalogue = await world.catalogues.current()
        for index in (catalogue.whole, catalogue.asked):
            assert [hit.faq_id for hit in index.search("월급날", 5)] == [SETTLING]

    async def test_entries_can_be_named_outright(self, catalogue):
        assert catalogue.named[fold("정산은 언제 되는지 안내해 드릴까요?")] == SETTLING


class TestNear:
    async def test_what_editors_linked_comes_first_and_everything_once(self, catalogue):
        found = [catalogue.entries[SETTLING], catalogue.entries[PAPERS]]
        near = catalogue.near(catalogue.entries[MINORS], found)
        assert near[0].faq_id == PAPERS
        assert len({entry.faq_id for entry in near}) == len(near)

    async def test_what_was_found_is_near_though_nothing_else_is(self, catalogue):
        found = [catalogue.entries[SETTLING]]
        assert catalogue.entries[SETTLING] in catalogue.near(catalogue.entries[faq_id(FAQ[3].question)], found)


def test_stars_and_links_put_an_entry_forward():
    def entry(name, question, *related):
        return Entry(faq_id=name, question=question, answer="답", related=related, content_hash="")

    entries = [
        entry("a", "★ 상품 관리"),
        entry("b", "수수료 종류"),
        entry("c", "쿠폰", "b", "a"),
        entry("d", "리뷰", "b"),
    ]
    assert prominence({entry.faq_id: entry for entry in entries}) == {
        "a": STARRED + LINKED * math.log1p(1),
        "b": LINKED * math.log1p(2),
    }
