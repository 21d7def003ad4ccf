import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.adapters.bm25 import Bm25Index

DOCUMENTS = [
    ("a", ["배송", "지연", "안내"]),
    ("b", ["배송", "완료"]),
    ("c", ["정산", "주기", "안내"]),
    ("d", []),
]


def index(documents=DOCUMENTS, **options):
    return Bm25Index(documents, str.split, **options)


def test_entries_that_share_a_token_come_best_first():
    hits = index().search("배송 완료", 10)
    assert [hit.faq_id for hit in hits] == ["b", "a"]
    assert hits[0].score > hits[1].score > 0


def test_entries_that_share_nothing_are_left_out():
    assert index().search("반품", 10) == []
    assert index().search("", 10) == []


def test_equal_scores_keep_the_order_of_the_documents():
    twins = [(faq_id, ["배송", "지연"]) for faq_id in "zyxab"] + [("last", ["정산"])]
    assert [hit.faq_id for hit in index(twins).search("배송", 10)] == list("zyxab")
    assert [hit.faq_id for hit in index(twins).search("배송", 2)] == ["z", "y"]


def test_a_token_asked_twice_counts_twice():
    once, twice = (index().search(text, 1)[0].score for text in ("정산", "정산 정산"))
    assert twice == pytest.approx(2 * once)


def test_a_token_that_a_document_repeats_counts_more():
    hits = index([("once", ["배송", "지연"]), ("more", ["배송", "배송"]), ("none", ["정산"])]).search("배송", 10)
    assert [hit.faq_id for hit in hits] == ["more", "once"]


def test_what_the_lexicon_adds_counts_at_its_weight():
    lexicon = {"돈": ["정산"], "배송": ["완료"]}
    both = index(expand=lambda text: [word for token in text.split() for word in lexicon.get(token, [])])
    assert [hit.faq_id for hit in both.search("돈", 10)] == ["c"]
    assert both.search("돈", 1)[0].score == pytest.approx(0.4 * index().search("정산", 1)[0].score)
    expected = index().scores(["배송"]) + 0.4 * index().scores(["완료"])
    assert both.search("배송", 1)[0].score == pytest.approx(expected.max())


def test_scores_cover_every_document_in_order():
    scores = index().scores(["안내"], ["주기"], 2.0)
    assert scores.shape == (4,)
    assert list(scores > 0) == [True, False, True, False]


def test_unknown_share_is_the_part_that_no_entry_contains():
    assert index().unknown_share("배송 반품 환불 안내") == 0.5
    assert index().unknown_share("배송") == 0.0
    assert index().unknown_share("") == 1.0


@pytest.mark.parametrize("documents", [[], [("a", [])], [("a", []), ("b", [])]])
def test_an_index_of_nothing_finds_nothing(documents):
    assert index(documents).search("배송", 5) == []
    assert index(documents).unknown_share("배송") == 1.0


def test_scores_are_those_of_the_formula():
    """BM25 as Lucene writes it, k1 = 1.5 and b = 0.75, worked out by hand for one token."""
    count, frequency, length, mean = 4, 2, 2, (3 + 2 + 3 + 0) / 4
    idf = np.log(1 + (count - frequency + 0.5) / (frequency + 0.5))
    tf = 1 / (1 + 1.5 * (1 - 0.75 + 0.75 * length / mean))
    assert index().scores(["배송"])[1] == pytest.approx(idf * tf, rel=1e-5)


words = st.lists(st.sampled_from(["배송", "정산", "주기", "ab", "x1"]), max_size=6)


@given(st.lists(words, max_size=8), words, st.integers(1, 5))
def test_hits_are_positive_distinct_and_sorted(texts, query, limit):
    documents = [(f"{number}", text) for number, text in enumerate(texts)]
    hits = index(documents).search(" ".join(query), limit)
    scores = [hit.score for hit in hits]
    assert len(hits) <= limit
    assert len({hit.faq_id for hit in hits}) == len(hits)
    assert scores == sorted(scores, reverse=True)
    assert all(score > 0 for score in scores)
    found_all = {faq_id for faq_id, text in documents if set(text) & set(query)}
    assert {hit.faq_id for hit in hits} <= found_all
    assert len(hits) == min(limit, len(found_all))
