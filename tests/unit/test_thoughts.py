"""A model's thoughts are kept from the reader, and nothing else is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.adapters.thoughts import ThoughtFilter

ANSWERS = st.text(alphabet="가나다라 [1]<>/think\n", max_size=60).filter(
    lambda answer: answer.strip() and "<think>" not in answer and "</think>" not in answer
)


def shown(pieces, **options):
    thoughts = ThoughtFilter(**options)
    return "".join([*map(thoughts.feed, pieces), thoughts.end()])


def cut(text, places):
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(edges)]


@given(ANSWERS, st.lists(st.integers(0, 200)))
def test_an_answer_without_tags_is_shown_whole_however_it_is_cut(answer, places):
    assert shown(cut(answer, places)) == answer.lstrip()


@given(ANSWERS, ANSWERS, st.lists(st.integers(0, 400)))
def test_a_thought_is_never_shown_however_it_is_cut(thought, answer, places):
    assert shown(cut(f"<think>{thought}</think>{answer}", places)) == answer.lstrip()


@given(ANSWERS, ANSWERS, st.lists(st.integers(0, 400)))
def test_a_thought_whose_opening_is_in_the_prompt_is_never_shown(thought, answer, places):
    assert shown(cut(f"{thought}</think>{answer}", places), begins_inside=True) == answer.lstrip()


@pytest.mark.parametrize("opening", ["Okay, the user wants", "好的，用户", "사용자가 미성년자라고"])
def test_a_text_that_begins_like_a_thought_is_held_until_it_is_known(opening):
    thoughts = ThoughtFilter()
    assert "".join(thoughts.feed(character) for character in opening) == ""
    assert thoughts.feed("</think>네") == "네"
    assert thoughts.began_inside
    assert not thoughts.leaked


def test_a_text_that_only_began_like_a_thought_is_shown_at_the_end():
    thoughts = ThoughtFilter()
    assert thoughts.feed("Okay 스토어 안내입니다.") == ""
    assert thoughts.end() == "Okay 스토어 안내입니다."
    assert not thoughts.began_inside


def test_a_suspicious_text_that_was_cut_is_not_shown():
    thoughts = ThoughtFilter()
    thoughts.feed("Okay, the user")
    assert thoughts.end(cut=True) == ""
    assert not thoughts.shown


@pytest.mark.parametrize("piece", ["네", "API", "[판매관리", "1", "<b", "2 < 3", "Naver", "사업자"])
def test_other_text_flows_at_once(piece):
    assert ThoughtFilter().feed(piece) == piece


def test_a_thought_that_was_shown_is_reported():
    thoughts = ThoughtFilter()
    assert thoughts.feed("판매자는") == "판매자는"
    thoughts.feed("</think>")
    assert thoughts.leaked
    assert thoughts.began_inside
