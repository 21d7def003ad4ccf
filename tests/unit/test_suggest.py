"""Type-ahead: what a seller may be about to ask."""

import pytest

from faqchat.suggest import TypeAhead, letters
from tests.fakes import World


@pytest.fixture
async def catalogue():
    return await (await World().ingested()).catalogues.current()


@pytest.fixture
def suggest(catalogue):
    type_ahead = TypeAhead()
    return lambda typed, limit=6: [found.question for found in type_ahead.suggest(typed, catalogue, limit)]


@pytest.mark.parametrize("typed", ["정", "정사", "정산", "정산ㅇ", "정산으", "정산은 어", "정산은 언제 되나요?"])
def test_a_title_is_suggested_while_its_beginning_is_typed_letter_by_letter(suggest, typed):
    assert suggest(typed)[0] == "[정산] 정산은 언제 되나요?"


def test_a_closing_consonant_may_open_the_next_syllable():
    assert letters("가나").startswith(letters("간"))
    assert letters("값을").startswith(letters("갑"))
    assert letters("닭이").startswith(letters("달"))


def test_a_title_is_found_by_a_later_word(suggest):
    assert suggest("서류를")[0] == "[가입] 미성년자는 어떤 서류를 내야 하나요?"


def test_words_in_another_order_are_found_by_keyword(suggest):
    assert "[반품] 반품배송비는 누가 내나요?" in suggest("누가 반품 배송비")


def test_spaces_and_case_do_not_matter(suggest):
    assert suggest("발송 처리")[0] == suggest("발송처리")[0] == "[배송] 발송처리는 어떻게 하나요?"


def test_nothing_typed_gives_one_example_of_each_tag(suggest, catalogue):
    examples = suggest("")
    assert len(examples) == len({entry.tags[0] for entry in catalogue.entries.values()})
    assert examples[0].startswith("[가입]"), "the largest tag comes first"
    assert suggest(" ?!") == examples


def test_an_entry_is_suggested_once_and_no_more_than_wanted(suggest):
    found = suggest("는", 2)
    assert len(found) == len(set(found)) == 2


def test_what_no_title_has_is_not_suggested(suggest):
    assert suggest("zzzz") == []
