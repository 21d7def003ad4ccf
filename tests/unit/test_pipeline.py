"""Uploads become the live FAQ through messages that repeat, come in any order, fail, or overtake each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.errors import BadSource, NotFound, Unavailable
from faqchat.faq import RawEntry, faq_id
from faqchat.index import TextRow
from faqchat.ingest import STAGES, rows
from faqchat.runs import BATCH_BYTES, BATCH_TEXTS, Batch, Settlement, Upload, cut
from tests.fake_pipeline import Cloud
from tests.fakes import FAQ, FakeEmbedder

ALL = tuple(kind for stage in STAGES for kind in stage)
LONG = tuple(RawEntry(f"[정산] 질문 {n}은 무엇인가요?", f"답변 {n}입니다. " * 40) for n in range(60))
OTHER = (*LONG[10:], RawEntry("[배송] 새로 생긴 질문인가요?", "새 답변입니다."))


def wanted(cloud, key):
    """The rows that a file makes, were it ingested alone."""
    entries = cloud.snapshots.snapshot.entries.values()
    assert {entry.question for entry in entries} == {row.question for row in cloud.uploads.files[key]}
    return {row.row_id for row in rows(entries, cloud.banks)}


async def uploaded(cloud, key, raw, number=1):
    cloud.uploads.files[key] = raw
    return await cloud.pipeline.begin(Upload(upload_id=f"{number:04}", key=key))


def status(cloud, number=1):
    return cloud.runs.runs[f"{number:04}"].status


def assert_live(cloud, key, number=1):
    """The file is live, whole, and nothing but it."""
    assert status(cloud, number) == "live"
    assert set(cloud.rows) == wanted(cloud, key)
    assert cloud.snapshots.manifest.kinds == ALL


class TestUpload:
    async def test_a_run_says_what_it_has_to_do(self):
        cloud = Cloud()
        run = await uploaded(cloud, "faq/a.jsonl", LONG)
        assert (run.status, run.round, run.read, run.added, run.source) == ("embedding", 1, 60, 60, "faq/a.jsonl")
        assert len(run.pending) == run.batches == len(cloud.broker.batches) > 0
        assert run.as_json()["pending"] == run.batches
        assert cloud.snapshots.manifest is None

    async def test_it_goes_live_whole(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        await cloud.deliver()
        assert_live(cloud, "faq/a.jsonl")

    async def test_questions_can_be_asked_before_passages_are_embedded(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        assert {row.kind for batch in cloud.broker.batches for row in batch.rows} <= set(STAGES[0])
        batches, cloud.broker.batches = cloud.broker.batches, []
        for batch in batches:
            await cloud.pipeline.embed(batch)
        await cloud.pipeline.settle(cloud.broker.settlements.pop())
        assert cloud.snapshots.manifest.kinds == STAGES[0]
        assert {row.kind for batch in cloud.broker.batches for row in batch.rows} == set(STAGES[1])

    async def test_the_same_file_again_embeds_nothing_and_publishes_nothing(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        await cloud.deliver()
        cloud.embedder.embedded.clear()
        published = cloud.snapshots.publications
        run = await uploaded(cloud, "faq/b.jsonl", LONG, 2)
        await cloud.deliver()
        assert (run.unchanged, run.batches, cloud.embedder.embedded) == (60, 0, [])
        assert cloud.snapshots.publications == published
        assert_live(cloud, "faq/b.jsonl", 2)
        assert status(cloud, 1) == "superseded"

    async def test_a_changed_entry_embeds_its_own_texts_only(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", FAQ)
        await cloud.deliver()
        cloud.embedder.embedded.clear()
        await uploaded(cloud, "faq/a.jsonl", (FAQ[0]._replace(answer="이제 누구나 됩니다."), *FAQ[1:]), 2)
        await cloud.deliver()
        assert cloud.embedder.embedded == ["이제 누구나 됩니다."]
        assert_live(cloud, "faq/a.jsonl", 2)

    @pytest.mark.parametrize("file", [BadSource("no FAQ"), [RawEntry("", "")], None])
    async def test_a_file_that_cannot_be_used_is_refused_and_changes_nothing(self, file):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", FAQ)
        await cloud.deliver()
        run = await uploaded(cloud, "faq/b.pkl", file or NotFound("gone"), 2)
        assert run.status == "refused"
        assert run.error
        assert_live(cloud, "faq/a.jsonl")
        assert not cloud.broker.batches

    async def test_the_newest_file_is_planned_again_on_demand(self):
        cloud = Cloud()
        with pytest.raises(NotFound):
            await cloud.pipeline.again("0001")
        await uploaded(cloud, "faq/a.jsonl", FAQ)
        await uploaded(cloud, "faq/b.pkl", BadSource("no FAQ"), 2)
        await cloud.deliver()
        cloud.uploads.utterances = {faq_id(FAQ[2].question): ("돈은 언제 들어와요",)}
        run = await cloud.pipeline.again("0003")
        await cloud.deliver()
        assert (run.source, run.changed) == ("faq/a.jsonl", 1)
        assert_live(cloud, "faq/a.jsonl", 3)


class TestDelivery:
    @given(seed=st.integers(0, 10**6), repeat=st.floats(0, 0.6))
    async def test_messages_that_repeat_and_come_in_any_order_make_one_publication_a_stage(self, seed, repeat):
        cloud = Cloud(seed)
        await uploaded(cloud, "faq/a.jsonl", LONG)
        await cloud.deliver(repeat=repeat)
        assert_live(cloud, "faq/a.jsonl")
        assert cloud.snapshots.publications == len(STAGES)

    async def test_an_upload_that_is_told_twice_is_one_run(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        again = await uploaded(cloud, "faq/a.jsonl", LONG)
        assert again.round == 2
        await cloud.deliver()
        assert_live(cloud, "faq/a.jsonl")
        assert len(cloud.runs.runs) == 1

    async def test_a_plan_that_broke_off_while_it_sent_is_made_up_for_by_the_next(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        del cloud.broker.batches[1:]
        await uploaded(cloud, "faq/a.jsonl", LONG)
        await cloud.deliver()
        assert_live(cloud, "faq/a.jsonl")

    async def test_a_settlement_that_broke_off_while_it_sent_is_delivered_again(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        batches, cloud.broker.batches = cloud.broker.batches, []
        for batch in batches:
            await cloud.pipeline.embed(batch)
        settlement = cloud.broker.settlements.pop()
        await cloud.pipeline.settle(settlement)
        cloud.broker.batches.clear()
        await cloud.pipeline.settle(settlement)
        await cloud.deliver()
        assert_live(cloud, "faq/a.jsonl")

    async def test_a_late_settlement_does_not_send_again_what_is_being_embedded(self):
        cloud = Cloud()
        for _ in range(3):
            await uploaded(cloud, "faq/a.jsonl", LONG)
        cloud.broker.batches.clear()
        await cloud.pipeline.settle(Settlement(run_id="0001", round=1))
        assert not cloud.broker.batches


class Poisoned(FakeEmbedder):
    """Cannot embed one text."""

    poison: str | None = None

    async def passages(self, texts):
        if self.poison in texts:
            raise Unavailable("the model refuses this batch")
        return await super().passages(texts)


class TestPoison:
    async def test_one_batch_that_fails_ends_in_the_dead_letters_and_the_old_faq_stays(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", FAQ)
        await cloud.deliver()
        cloud.ingest._embedder = poisoned = Poisoned()
        poisoned.poison = LONG[7].question
        await uploaded(cloud, "faq/b.jsonl", LONG, 2)
        await cloud.deliver()
        run = cloud.runs.runs["0002"]
        assert (run.status, len(run.pending), len(run.failed), len(cloud.broker.dead)) == ("embedding", 1, 1, 1)
        assert "refuses" in next(iter(run.failed.values()))
        assert set(cloud.snapshots.snapshot.entries) == {faq_id(row.question) for row in FAQ}

    async def test_redriven_it_goes_live(self):
        cloud = Cloud()
        cloud.ingest._embedder = poisoned = Poisoned()
        poisoned.poison = LONG[7].question
        await uploaded(cloud, "faq/b.jsonl", LONG)
        await cloud.deliver()
        poisoned.poison = None
        await cloud.redrive()
        assert_live(cloud, "faq/b.jsonl")
        assert cloud.runs.runs["0001"].failed == {}

    async def test_a_part_that_was_away_for_a_while_costs_nothing_but_time(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        cloud.vectors.down = True
        await cloud.deliver()
        cloud.vectors.down = False
        await cloud.redrive()
        assert_live(cloud, "faq/a.jsonl")


class TestConcurrentUploads:
    @given(seed=st.integers(0, 10**6), order=st.permutations([1, 2, 3]), repeat=st.floats(0, 0.5))
    async def test_the_newest_wins_whatever_comes_first(self, seed, order, repeat):
        cloud = Cloud(seed)
        files = {1: FAQ, 2: LONG, 3: OTHER}
        for number in order:
            await uploaded(cloud, f"faq/{number}.jsonl", files[number], number)
            for _ in range(cloud.broker.random.randrange(3)):
                if cloud.broker.batches:
                    batch = cloud.broker.batches.pop(cloud.broker.random.randrange(len(cloud.broker.batches)))
                    await cloud.pipeline.embed(batch)
        await cloud.deliver(repeat=repeat)
        assert_live(cloud, "faq/3.jsonl", 3)

    @given(seed=st.integers(0, 10**6))
    async def test_messages_of_an_older_upload_that_come_days_late_resurrect_nothing(self, seed):
        cloud = Cloud(seed)
        await uploaded(cloud, "faq/1.jsonl", LONG)
        late = list(cloud.broker.batches)
        await uploaded(cloud, "faq/2.jsonl", FAQ, 2)
        await cloud.deliver()
        cloud.broker.batches += late
        await cloud.deliver()
        assert_live(cloud, "faq/2.jsonl", 2)
        assert status(cloud, 1) == "superseded"

    async def test_a_worker_overtaken_in_the_middle_of_its_batch_has_its_rows_swept_away(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/1.jsonl", LONG)
        overtaken = cloud.broker.batches[0]
        embed = cloud.embedder.passages

        async def slow(texts):
            cloud.embedder.passages = embed
            await uploaded(cloud, "faq/2.jsonl", FAQ, 2)
            await cloud.deliver()
            assert_live(cloud, "faq/2.jsonl", 2)
            return await embed(texts)

        cloud.embedder.passages = slow
        await cloud.pipeline.embed(overtaken)
        assert set(cloud.rows) != wanted(cloud, "faq/2.jsonl")
        await cloud.deliver()
        assert_live(cloud, "faq/2.jsonl", 2)

    async def test_rows_that_vanished_before_the_settlement_are_embedded_again(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        batches, cloud.broker.batches = cloud.broker.batches, []
        for batch in batches:
            await cloud.pipeline.embed(batch)
        collection = cloud.vectors.collections[batches[0].collection]
        for row_id in list(collection)[::3]:
            del collection[row_id]
        await cloud.deliver()
        assert_live(cloud, "faq/a.jsonl")

    async def test_an_upload_older_than_the_newest_is_superseded_at_once(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/2.jsonl", FAQ, 2)
        run = await uploaded(cloud, "faq/1.jsonl", LONG, 1)
        assert run.status == "superseded"
        await cloud.deliver()
        assert_live(cloud, "faq/2.jsonl", 2)


class TestModel:
    async def test_a_model_changed_in_the_middle_never_mixes_vectors(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", LONG)
        cloud.ingest._embedder = FakeEmbedder("other")
        await cloud.deliver()
        assert cloud.snapshots.manifest is None
        assert all("ingest the file again" in why for why in cloud.runs.runs["0001"].failed.values())
        await uploaded(cloud, "faq/a.jsonl", LONG, 2)
        await cloud.deliver()
        assert_live(cloud, "faq/a.jsonl", 2)

    async def test_a_run_whose_model_was_changed_before_its_settlement_is_refused(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", FAQ)
        cloud.broker.batches.clear()
        cloud.ingest._embedder = FakeEmbedder("other")
        run = await cloud.pipeline.settle(Settlement(run_id="0001", round=1))
        assert (run.status, "model was changed" in run.error) == ("refused", True)

    async def test_a_run_whose_catalogue_is_gone_is_refused(self):
        cloud = Cloud()
        await uploaded(cloud, "faq/a.jsonl", FAQ)
        cloud.snapshots.versions.clear()
        run = await cloud.pipeline.settle(Settlement(run_id="0001", round=1))
        assert (run.status, "again" in run.error) == ("refused", True)


class TestCut:
    @given(st.lists(st.text(max_size=2_000), max_size=300))
    def test_every_row_is_in_one_batch_and_none_is_too_large(self, texts):
        todo = [TextRow(str(number), "0" * 12, "title", text) for number, text in enumerate(texts)]
        batches = list(cut(todo))
        assert sorted(row for batch in batches for row in batch) == sorted(todo)
        for batch in batches:
            assert 0 < len(batch) <= BATCH_TEXTS
            body = Batch(run_id="r" * 40, round=1, number=1, collection="c" * 40, rows=batch).model_dump_json()
            assert len(body.encode()) < BATCH_BYTES + 10_000

    def test_a_batch_survives_the_wire(self):
        batch = Batch(run_id="r", round=1, number=0, collection="c", rows=(TextRow("a", "b", "title", "글"),))
        assert Batch.model_validate_json(batch.model_dump_json()) == batch
