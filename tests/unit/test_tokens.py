"""What counts as the same word when a seller and the FAQ write it differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.tokens import tokens, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("배송비", ["배송", "송비"]),
        ("배송비 설정", ["배송", "송비", "비설", "설정"]),
        ("꼭 필요", ["꼭", "꼭필", "필요"]),
        ("KC인증", ["kc", "인증"]),
        ("API-2.0 연동", ["api", "2", "0", "연동"]),
        ("2단계 인증", ["2", "단계", "계인", "인증"]),
        ("ㅠㅠ 정산!", ["ㅠㅠ", "정산"]),
        ("… ?", []),
    ],
)
def test_korean_becomes_pairs_of_syllables_and_other_words_stay_whole(text, expected):
    assert tokens(text) == expected


@pytest.mark.parametrize("other", ["정산은", "정산이", "정산을요", "정산도"])
def test_a_particle_costs_one_token_and_not_the_word(other):
    assert set(tokens("정산")) <= set(tokens(other))


@given(st.text(alphabet="가나다라마바사", min_size=2, max_size=12), st.integers(1, 11))
def test_a_space_in_the_wrong_place_costs_nothing(word, place):
    spaced = f"{word[:place]} {word[place:]}".strip()
    assert set(tokens(word)) <= set(tokens(spaced))


@given(st.text())
def test_every_token_is_of_the_text(text):
    folded = "".join(words(text))
    assert all(token in folded for token in tokens(text))


def test_words_are_lower_cased_runs_of_one_script():
    assert words("SmartStore스토어 N배송, 3PL") == ["smartstore", "스토어", "n", "배송", "3pl"]
