"""Answers are cut for embedding, and whatever the cut, every word is embedded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.passages import PASSAGE_CHARS, split_passages

answers = st.lists(
    st.sampled_from(
        ["가입합니다. ", "1) 로그인", "\n", "\n\n", "나", " ", "정산됩니다! ", "왜? ", "\t", "긴" * 50, "."]
    ),
    max_size=60,
).map("".join)


def test_a_short_answer_is_one_passage():
    assert split_passages("1) 로그인합니다.\n2) 저장합니다.") == ["1) 로그인합니다. 2) 저장합니다."]


def test_lines_are_packed_until_the_next_one_does_not_fit():
    assert split_passages("가가가\n나나나\n다다다", limit=7) == ["가가가 나나나", "다다다"]
    assert split_passages("가가가\n나나나\n다다다", limit=6) == ["가가가", "나나나", "다다다"]


def test_a_long_line_is_cut_between_sentences():
    assert split_passages("정산됩니다. 다음 날입니다. 확인하세요.", limit=16) == [
        "정산됩니다. 다음 날입니다.",
        "확인하세요.",
    ]


def test_a_sentence_beyond_the_limit_is_cut_where_it_must_be():
    assert split_passages("가" * 5, limit=2) == ["가가", "가가", "가"]


@pytest.mark.parametrize("nothing", ["", "\n \n"])
def test_nothing_gives_no_passage(nothing):
    assert split_passages(nothing) == []


@given(answers, st.integers(1, 300))
def test_no_text_is_lost_or_moved(answer, limit):
    assert "".join("".join(split_passages(answer, limit)).split()) == "".join(answer.split())


@given(answers)
def test_no_passage_is_longer_than_an_embedding_takes_or_empty(answer):
    assert all(0 < len(passage.strip()) <= len(passage) <= PASSAGE_CHARS for passage in split_passages(answer))
