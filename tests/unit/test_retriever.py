"""All ways of searching become one order, and those that are away are missed, not fatal."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.errors import IndexMismatch
from faqchat.faq import faq_id
from faqchat.index import Hit, Query, VectorRow
from faqchat.retriever import (
    ANSWERED,
    DEPTH,
    WEIGHTS,
    Channels,
    Retriever,
    Weights,
    best_per_entry,
    fuse,
    standardise,
)
from tests.fakes import FAQ, FakeVectors, World

MINORS, PAPERS, SETTLING = (faq_id(row.question) for row in FAQ[:3])

hit_lists = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1e6, 1e6), max_size=8).map(
    lambda scores: [Hit(*pair) for pair in sorted(scores.items(), key=lambda pair: -pair[1])]
)


def said(titles=(), utterances=(), passages=(), whole=(), asked=()):
    dense = {"title": list(titles), "utterance": list(utterances), "passage": list(passages)}
    return Channels(dense, list(whole), list(asked))


class TestStandardise:
    def test_scores_are_deviations_above_the_lists_own_floor(self):
        spread = statistics.pstdev([5.0, 3.0, 1.0])
        assert standardise([Hit("a", 5.0), Hit("b", 3.0), Hit("c", 1.0)]) == pytest.approx(
            {"a": 4 / spread, "b": 2 / spread, "c": 0.0}
        )

    def test_a_list_without_spread_counts_one_for_each(self):
        assert standardise([Hit("a", 0.3)]) == {"a": 1.0}
        assert standardise([Hit("a", 2.0), Hit("b", 2.0)]) == {"a": 1.0, "b": 1.0}

    def test_nothing_found_counts_nothing(self):
        assert standardise([]) == {}

    @given(st.lists(st.integers(-1_000, 1_000), unique=True, max_size=8), st.integers(1, 9), st.integers(-99, 99))
    def test_the_scale_of_a_channel_makes_no_difference(self, scores, factor, shift):
        plain = standardise([Hit(str(score), score) for score in scores])
        moved = standardise([Hit(str(score), score * factor + shift) for score in scores])
        assert moved == pytest.approx(plain)

    @given(hit_lists)
    def test_the_order_of_the_list_is_kept_and_nothing_counts_against_an_entry(self, hits):
        scores = list(standardise(hits).values())
        assert scores == sorted(scores, reverse=True)
        assert all(score >= 0 and math.isfinite(score) for score in scores)


class TestBestPerEntry:
    def test_an_entry_counts_once_with_its_best_row(self):
        hits = [Hit("a", 0.9), Hit("b", 0.8), Hit("a", 0.7), Hit("b", 0.6)]
        assert best_per_entry(hits) == [Hit("a", 0.9), Hit("b", 0.8)]

    def test_no_channel_ranks_more_than_its_depth(self):
        assert len(best_per_entry(Hit(str(number), -number) for number in range(DEPTH + 50))) == DEPTH


class TestFuse:
    @pytest.mark.parametrize(
        ("channel", "weight"),
        [
            (said(titles=[Hit("a", 0.5)]), WEIGHTS.title),
            (said(utterances=[Hit("a", 0.5)]), WEIGHTS.utterance),
            (said(passages=[Hit("a", 0.5)]), WEIGHTS.passage),
            (said(whole=[Hit("a", 7.0)]), WEIGHTS.whole),
            (said(asked=[Hit("a", 7.0)]), WEIGHTS.asked),
        ],
    )
    def test_each_channel_counts_at_its_weight(self, channel, weight):
        assert fuse([Query("질문")], [channel], {}) == [Hit("a", weight)]

    def test_a_channel_without_weight_names_nobody(self):
        both = said(titles=[Hit("a", 0.5)], asked=[Hit("b", 3.0)])
        assert [hit.faq_id for hit in fuse([Query("질문")], [both], {}, Weights(title=0))] == ["b"]

    def test_channels_add_up(self):
        both = said(titles=[Hit("a", 0.5)], whole=[Hit("b", 9.0)], asked=[Hit("a", 3.0)])
        assert fuse([Query("질문")], [both], {}) == [
            Hit("a", WEIGHTS.title + WEIGHTS.asked),
            Hit("b", WEIGHTS.whole),
        ]

    def test_queries_add_up_at_their_weights(self):
        found = fuse(
            [Query("질문"), Query("이어진 질문", 0.5)], [said(titles=[Hit("a", 0.5)]), said(titles=[Hit("b", 0.9)])], {}
        )
        assert found == [Hit("a", 1.0), Hit("b", 0.5)]

    def test_what_editors_put_forward_is_lifted_once_a_query(self):
        found = fuse(
            [Query("질문"), Query("이어진 질문", 0.5)], [said(titles=[Hit("a", 0.5)])] * 2, {"a": 4.0, "z": 9.0}
        )
        assert found == [Hit("a", 1.5 + 1.5 * 4.0)]  # and what was not found stays out

    def test_ties_have_one_order(self):
        tied = [said(titles=[Hit("b", 0.5), Hit("c", 0.5), Hit("a", 0.5)])]
        assert [hit.faq_id for hit in fuse([Query("질문")], tied, {})] == ["a", "b", "c"]

    def test_what_belongs_to_no_entry_is_not_ranked(self):
        banks = Channels({"out_of_scope": [Hit("f" * 12, 0.99)], "in_scope": [Hit("e" * 12, 0.99)]}, [], [])
        assert fuse([Query("질문")], [banks], {"a": 4.0}) == []


class MismatchedVectors(FakeVectors):
    """A collection of another embedding model."""

    async def search(self, vectors, kind, limit):
        raise IndexMismatch("another model")


class TestSearch:
    @pytest.fixture
    async def world(self):
        return await World().ingested()

    async def found(self, world, *texts, vectors=None, limit=10):
        retriever = Retriever(world.embedder, vectors or world.vectors)
        return await retriever.search([Query(text) for text in texts], await world.catalogues.current(), limit)

    async def test_the_entry_that_was_answered_before_steps_back(self, world):
        retriever, catalogue = Retriever(world.embedder, world.vectors), await world.catalogues.current()
        usual = await retriever.search([Query("정산은 언제 되나요")], catalogue)
        after = await retriever.search([Query("정산은 언제 되나요")], catalogue, answered=SETTLING)
        before, now = (next(hit.score for hit in found.hits if hit.faq_id == SETTLING) for found in (usual, after))
        assert now == pytest.approx(before - ANSWERED)

    async def test_vectors_and_keywords_are_asked_together(self, world):
        found = await self.found(world, "정산은 언제 되나요")
        assert found.hits[0].faq_id == SETTLING
        assert found.degraded == ()
        assert set(found.channels[0].dense) == set((await world.catalogues.current()).manifest.kinds)
        assert found.channels[0].whole
        assert found.channels[0].asked

    async def test_each_query_has_channels_of_its_own(self, world):
        found = await self.found(world, "정산은 언제 되나요", "반품배송비는 누가 내나요")
        assert [said.asked[0].faq_id for said in found.channels] == [SETTLING, faq_id(FAQ[5].question)]
        assert len(found.channels) == 2

    async def test_no_more_than_was_asked_for_is_given(self, world):
        assert len((await self.found(world, "미성년자 가입 서류 정산 배송", limit=2)).hits) == 2

    @pytest.mark.parametrize(("part", "name"), [("embedder", "embeddings"), ("vectors", "vectors")])
    async def test_without_vectors_keywords_answer_and_say_so(self, world, part, name):
        getattr(world, part).down = True
        found = await self.found(world, "정산은 언제 되나요", "반품배송비는 누가 내나요")
        assert {hit.faq_id for hit in found.hits[:2]} == {SETTLING, faq_id(FAQ[5].question)}
        assert found.degraded == (name,)
        assert [said.dense for said in found.channels] == [{}, {}]

    async def test_a_collection_of_another_model_is_not_searched(self, world):
        found = await self.found(world, "정산은 언제 되나요", vectors=MismatchedVectors())
        assert (found.hits[0].faq_id, found.degraded) == (SETTLING, ("vectors",))

    async def test_rows_of_entries_that_are_not_published_are_dropped(self, world):
        (vector,) = await world.embedder.queries(["정산은 언제 되나요"])
        await world.vectors.upsert(world.vectors.alias, [VectorRow("new", "f" * 12, "title", vector)])
        found = await self.found(world, "정산은 언제 되나요")
        assert "f" * 12 not in {hit.faq_id for hit in found.hits + found.channels[0].dense["title"]}

    async def test_messages_to_decline_are_found_as_evidence_only(self, world):
        found = await self.found(world, "오늘 날씨 어때")
        assert found.channels[0].dense["out_of_scope"][0].score == pytest.approx(1.0)
        assert found.channels[0].dense["out_of_scope"][0].faq_id not in {hit.faq_id for hit in found.hits}

    async def test_kinds_that_are_not_live_are_not_searched(self, world):
        snapshot = world.snapshots.snapshot
        manifest = snapshot.manifest.model_copy(update={"kinds": ("title",), "version": "other"})
        world.snapshots.snapshot = snapshot._replace(manifest=manifest)
        world.catalogues._current = None
        found = await self.found(world, "정산은 언제 되나요")
        assert set(found.channels[0].dense) == {"title"}
