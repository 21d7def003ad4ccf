"""A FAQ file becomes a published index; only what changed is embedded, and a failure leaves what is live alone."""

import hashlib

import pytest

from faqchat import faq
from faqchat.errors import BadSource, Unavailable
from faqchat.faq import RawEntry, Rejected, faq_id
from faqchat.ingest import STAGES, Changes, Ingest, clean, rows
from tests.fakes import FAQ, FakeEmbedder, FakeSnapshots, FakeVectors

BANKS = {"in_scope": ["송장을 잘못 적었는데 고쳐지나요"], "out_of_scope": ["오늘 날씨 어때", "맛집 추천해 줘"]}
FIRST = tuple(STAGES[0])
ALL = (*FIRST, "passage")
MINORS, PAPERS, SETTLING = (faq_id(row.question) for row in FAQ[:3])


class FragileEmbedder(FakeEmbedder):
    """Fails when it is asked for one batch more than it has left."""

    batches_left = 1_000

    async def passages(self, texts):
        if not self.batches_left:
            raise Unavailable("the embedding server was killed")
        self.batches_left -= 1
        return await super().passages(texts)


class WatchedVectors(FakeVectors):
    """Remembers which rows there were at each publication."""

    def __init__(self):
        super().__init__()
        self.published = []

    async def publish(self, collection):
        await super().publish(collection)
        self.published.append(set(self.collections[collection]))


class Shop:
    """An ingest on fakes, and what can be seen of it from outside."""

    def __init__(self, model="fake"):
        self.embedder = FragileEmbedder(model)
        self.vectors = WatchedVectors()
        self.snapshots = FakeSnapshots()
        self.progress = []

    async def run(self, raw=FAQ, utterances=None, source="faq.jsonl"):
        self.embedder.embedded.clear()
        self.progress.clear()
        ingest = Ingest(self.embedder, self.vectors, self.snapshots, BANKS, batch=4)
        return await ingest.run(raw, utterances or {}, source, lambda *seen: self.progress.append((*seen, self.live)))

    @property
    def live(self):
        return self.snapshots.snapshot and self.snapshots.snapshot.manifest.kinds

    @property
    def rows(self):
        return self.vectors.collections[self.vectors.alias]

    def texts_of(self, entry_id):
        return {row_id for row_id, row in self.rows.items() if row.faq_id == entry_id}


@pytest.fixture
def shop():
    return Shop()


def replaced(position, **changes):
    return (*FAQ[:position], FAQ[position]._replace(**changes), *FAQ[position + 1 :])


class TestFirstIngest:
    async def test_everything_is_added_embedded_and_live(self, shop):
        report = await shop.run()
        assert report.changes == Changes(added=6, changed=0, unchanged=0, removed=0)
        assert (report.read, report.embedded, report.kinds) == (6, len(shop.rows), ALL)
        assert set(shop.embedder.embedded) >= {row.question for row in FAQ} | {
            *BANKS["in_scope"],
            *BANKS["out_of_scope"],
        }
        manifest = shop.snapshots.snapshot.manifest
        assert (manifest.version, manifest.entries, manifest.kinds) == (report.version, 6, ALL)
        assert manifest.source == "faq.jsonl"
        assert manifest.fingerprint == await shop.embedder.fingerprint()
        assert manifest.collection == shop.vectors.alias

    async def test_stages_are_published_in_their_order_each_when_it_is_complete(self, shop):
        await shop.run()
        assert [live for *_, live in shop.progress if live] == sorted(
            (live for *_, live in shop.progress if live), key=len
        )
        first_live = next(done for done, _, _, live in shop.progress if live == FIRST)
        assert first_live == sum(row.kind in FIRST for row in shop.rows.values())
        assert shop.progress[-1] == (len(shop.rows), len(shop.rows), ALL, ALL)

    async def test_progress_never_claims_what_is_not_live(self, shop):
        await shop.run()
        assert all(kinds in ((), live) for _, _, kinds, live in shop.progress)
        assert shop.progress[0] == (0, len(shop.rows), (), None)

    async def test_texts_are_embedded_once_each_however_often_they_occur(self, shop):
        repeated = FAQ[0]._replace(utterances=("몇 살부터 되나요", "몇 살부터 되나요"))
        await shop.run((repeated, *FAQ[1:]), {MINORS: ["몇 살부터 되나요"]})
        assert shop.embedder.embedded.count("몇 살부터 되나요") == 1


class TestNextIngest:
    async def test_the_same_file_embeds_nothing_and_publishes_nothing(self, shop):
        first = await shop.run()
        published = shop.snapshots.snapshot
        second = await shop.run(source="renamed.jsonl")
        assert shop.embedder.embedded == []
        assert second.changes == Changes(added=0, changed=0, unchanged=6, removed=0)
        assert (second.embedded, second.deleted, second.version) == (0, 0, first.version)
        assert shop.snapshots.snapshot == published
        assert shop.snapshots.stagings == 1

    async def test_a_changed_answer_embeds_its_own_passages_and_no_others(self, shop):
        await shop.run()
        before = shop.texts_of(SETTLING)
        report = await shop.run(replaced(2, answer="정산은 매일 됩니다."))
        assert shop.embedder.embedded == ["정산은 매일 됩니다."]
        assert report.changes == Changes(added=0, changed=1, unchanged=5, removed=0)
        assert report.deleted == 1
        assert len(shop.texts_of(SETTLING) - before) == 1
        assert shop.snapshots.snapshot.entries[SETTLING].answer == "정산은 매일 됩니다."

    async def test_a_changed_question_is_another_entry(self, shop):
        await shop.run()
        report = await shop.run(replaced(2, question="[정산] 정산일은 언제인가요?"))
        assert report.changes == Changes(added=1, changed=0, unchanged=5, removed=1)
        assert shop.texts_of(SETTLING) == set()

    async def test_new_utterances_embed_only_themselves(self, shop):
        await shop.run()
        report = await shop.run(utterances={SETTLING: ["돈은 언제 들어와요"], "f" * 12: ["모르는 항목"]})
        assert shop.embedder.embedded == ["돈은 언제 들어와요"]
        assert report.changes.changed == 1

    async def test_a_removed_entry_leaves_the_index_and_the_catalogue(self, shop):
        await shop.run()
        report = await shop.run(FAQ[1:])
        assert report.changes == Changes(added=0, changed=0, unchanged=5, removed=1)
        assert (report.embedded, report.deleted > 0) == (0, True)
        assert shop.texts_of(MINORS) == set()
        assert MINORS not in shop.snapshots.snapshot.entries

    async def test_an_entry_whose_link_has_gone_has_changed(self, shop):
        await shop.run()
        report = await shop.run((FAQ[0], *FAQ[2:]))
        assert report.changes == Changes(added=0, changed=1, unchanged=4, removed=1)
        assert shop.snapshots.snapshot.entries[MINORS].related == ()

    async def test_kinds_that_are_live_stay_live_while_changes_are_written(self, shop):
        await shop.run()
        await shop.run(replaced(2, question="[정산] 정산일은 언제인가요?", answer="매일 정산됩니다."))
        assert {(kinds, live) for _, _, kinds, live in shop.progress} == {(ALL, ALL)}

    async def test_old_texts_are_searched_until_the_new_ones_are_live(self, shop):
        await shop.run()
        old = shop.texts_of(SETTLING)
        await shop.run(FAQ[:2])
        assert old <= shop.vectors.published[-1]
        assert shop.texts_of(SETTLING) == set()

    async def test_another_model_builds_another_collection_beside_the_one_that_serves(self, shop):
        await shop.run()
        old = shop.vectors.alias
        shop.embedder = FragileEmbedder("other")
        shop.embedder.batches_left = 1
        with pytest.raises(Unavailable):
            await shop.run()
        assert (shop.vectors.alias, shop.live) == (old, ALL)
        shop.embedder.batches_left = 1_000
        await shop.run()
        assert shop.vectors.alias != old
        assert {row.row_id for row in shop.rows.values()} == set(shop.vectors.collections[old])


class TestFailure:
    @pytest.mark.parametrize("batches", [0, 1, 2, 4])
    async def test_a_run_that_broke_off_goes_on_where_it_stopped(self, shop, batches):
        shop.embedder.batches_left = batches
        with pytest.raises(Unavailable):
            await shop.run()
        stored = len(shop.embedder.embedded)
        shop.embedder.batches_left = 1_000
        report = await shop.run()
        assert stored + report.embedded == len(shop.rows)
        assert bool(stored) == bool(batches)
        assert shop.live == ALL

    async def test_a_run_that_breaks_off_before_its_first_stage_is_complete_publishes_nothing(self, shop):
        shop.embedder.batches_left = 1
        with pytest.raises(Unavailable):
            await shop.run()
        assert shop.snapshots.snapshot is None
        assert shop.vectors.alias is None

    async def test_a_run_that_breaks_off_behind_its_first_stage_can_be_asked_already(self, shop):
        shop.embedder.batches_left = 3
        with pytest.raises(Unavailable):
            await shop.run()
        assert shop.live == FIRST
        assert len(shop.snapshots.snapshot.entries) == 6

    async def test_a_run_that_breaks_off_leaves_the_published_catalogue_as_it_was(self, shop):
        await shop.run()
        published, alias, texts = shop.snapshots.snapshot, shop.vectors.alias, set(shop.rows)
        shop.embedder.batches_left = 0
        with pytest.raises(Unavailable):
            await shop.run((*replaced(2, answer="정산은 매일 됩니다.")[1:], RawEntry("새 질문", "새 답")))
        assert shop.snapshots.snapshot == published
        assert (shop.vectors.alias, texts <= set(shop.rows)) == (alias, True)

    @pytest.mark.parametrize("part", ["embedder", "vectors", "snapshots"])
    async def test_a_part_that_is_away_ends_the_run(self, shop, part):
        getattr(shop, part).down = True
        with pytest.raises(Unavailable):
            await shop.run()

    @pytest.mark.parametrize("raw", [[], [RawEntry("", "답")], [RawEntry("질문", ""), RawEntry("\u200b", "답")]])
    async def test_a_file_without_a_usable_entry_is_refused_before_anything_is_written(self, shop, raw):
        await shop.run()
        published, texts = shop.snapshots.snapshot, set(shop.rows)
        with pytest.raises(BadSource, match=f"none of the {len(raw)} entries"):
            await shop.run(raw)
        assert shop.snapshots.snapshot == published
        assert set(shop.rows) == texts


class TestVersion:
    async def test_the_same_content_has_the_same_version_wherever_it_is_ingested(self, shop):
        assert (await shop.run()).version == (await Shop().run(source="copy.csv")).version

    async def test_the_same_content_has_the_same_version_whatever_came_before(self, shop):
        await shop.run(FAQ[:2])
        assert (await shop.run()).version == (await Shop().run()).version

    @pytest.mark.parametrize(
        "other",
        [
            replaced(0, answer="다른 답입니다."),
            replaced(0, tags=("다른 분류",)),
            replaced(0, utterances=("다르게 묻기",)),
            FAQ[:5],
        ],
    )
    async def test_other_content_has_another(self, shop, other):
        assert (await shop.run(other)).version != (await Shop().run()).version

    async def test_another_model_has_another(self, shop):
        assert (await shop.run()).version != (await Shop("other").run()).version


class TestClean:
    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (RawEntry(" \u200b", "답"), "the question is empty"),
            (RawEntry("가" * (faq.MAX_QUESTION_CHARS + 1), "답"), "the question has 501 characters, 500 are allowed"),
            (RawEntry("질문", "위 도움말이 도움이 되었나요? 별점"), "the answer is empty"),
            (
                RawEntry("질문", "가" * (faq.MAX_ANSWER_CHARS + 1)),
                "the answer has 50,001 characters, 50,000 are allowed",
            ),
            (RawEntry("질문", "\n" * 50_000_000), "the answer has 50,000,000 characters, 50,000 are allowed"),
            (RawEntry("[정산] 정산은\xa0언제 되나요?", "답"), "the question occurs twice; the first is kept"),
        ],
    )
    def test_what_cannot_be_used_is_named_with_its_place_and_its_reason(self, row, reason):
        cleaned = clean([*FAQ, row], {})
        assert cleaned.rejected == (Rejected(6, faq.normalize(row.question)[:80], reason),)
        assert len(cleaned.entries) == 6
        assert cleaned.entries[2].answer.startswith("구매확정")

    def test_half_a_character_in_a_question_is_no_reason_to_fail(self):
        (entry,) = clean([RawEntry("정산\ud83d 언제", "매일\ud83d 됩니다.")], {}).entries
        assert (entry.question, entry.answer) == ("정산 언제", "매일 됩니다.")

    def test_tags_come_from_the_file_or_else_from_the_question(self):
        own, read, none = clean(
            [RawEntry("[정산] 가", "답", tags=("수수료",)), RawEntry("[정산][배송] 나", "답"), RawEntry("다", "답")], {}
        ).entries
        assert (own.tags, read.tags, none.tags) == (("수수료",), ("정산", "배송"), ())

    def test_links_name_entries_with_or_without_their_tags(self):
        related = ("[배송] 나", "다", "[정산] 가", "없는 질문", "나")
        first, second, third = clean(
            [RawEntry("[정산] 가", "답", related=related), RawEntry("[배송] 나", "답"), RawEntry("[반품] 다", "답")], {}
        ).entries
        assert first.related == (second.faq_id, third.faq_id)

    def test_links_at_the_end_of_an_answer_follow_those_of_the_file(self):
        entries = clean([FAQ[0]._replace(related=(FAQ[2].question,)), *FAQ[1:]], {}).entries
        assert entries[0].related == (SETTLING, PAPERS)

    def test_utterances_of_the_file_and_of_its_companion_are_cleaned_and_kept(self):
        row = RawEntry("정산은 언제 되나요?", "답", utterances=(" 돈은\xa0언제 ", "\u200b"))
        (entry,) = clean([row], {faq_id(row.question): ("입금일", "")}).entries
        assert entry.utterances == ("돈은 언제", "입금일")

    def test_the_hash_covers_question_and_answer(self):
        (entry,) = clean([RawEntry(" 질문 ", "답  변", tags=("가",))], {}).entries
        assert entry.content_hash == hashlib.sha256("질문\n답 변".encode()).hexdigest()

    def test_misplaced_answers_are_named_and_taken_as_they_are(self):
        answer = (
            "정산 주기는 구매확정 다음 영업일입니다. 은행 휴일에는 하루씩 밀려서 처리되고, 내역에서 날짜별로 보입니다."
        )
        cleaned = clean([RawEntry("정산 주기", answer), RawEntry("완충재 구입", answer)], {})
        assert [suspect.question for suspect in cleaned.suspects] == ["완충재 구입"]
        assert [entry.answer for entry in cleaned.entries] == [answer, answer]


class TestRows:
    def test_they_come_in_the_order_of_the_stages(self):
        order = [kind for stage in STAGES for kind in stage]
        kinds = [row.kind for row in rows(clean(FAQ, {SETTLING: ["돈은 언제"]}).entries, BANKS)]
        assert kinds == sorted(kinds, key=order.index)
        assert set(kinds) == set(order)

    def test_equal_texts_of_one_entry_are_one_row_and_of_two_entries_two(self):
        same = [RawEntry("가", "같은 답입니다."), RawEntry("나", "같은 답입니다.")]
        found = rows(clean(same, {faq_id("가"): ["다", "다"]}).entries, {})
        assert [row.text for row in found] == ["가", "나", "다", "같은 답입니다.", "같은 답입니다."]
        assert len({row.row_id for row in found}) == 5


async def test_two_faqs_in_one_milvus_leave_each_other_alone():
    vectors = FakeVectors()
    for name, raw in (("first", FAQ), ("second", FAQ[:2])):
        ingest = Ingest(FakeEmbedder(), vectors, FakeSnapshots(), BANKS, batch=4, name=name)
        await ingest.run(raw, {}, "faq.jsonl", lambda *_: None)
    assert sorted(name.partition("_")[0] for name in vectors.collections) == ["first", "second"]
    titles = [{row.faq_id for row in rows.values() if row.kind == "title"} for rows in vectors.collections.values()]
    assert sorted(map(len, titles)) == [2, 6]
