"""The seller's words are understood as the FAQ's."""

from faqchat.lexicon import load_lexicon, parse_lexicon

LEXICON = parse_lexicon(
    ["# typed\tmeant\n", "\n", "손님\t구매자 고객\n", "사는 사람\t구매자\n", "OTP\t2단계 인증\n", "짤\t이미지\n"]
)


def test_a_known_phrase_adds_the_words_that_it_stands_for():
    assert LEXICON.expand("손님이 전화를 안 받아요") == "구매자 고객"


def test_all_known_phrases_add_theirs():
    assert LEXICON.expand("손님한테 짤 보내기") == "구매자 고객 이미지"


def test_spaces_and_case_make_no_difference():
    assert LEXICON.expand("사는사람 연락처") == LEXICON.expand("사 는 사람 연락처") == "구매자"
    assert LEXICON.expand("otp 번호가 안 와요") == "2단계 인증"


def test_other_text_adds_nothing():
    assert LEXICON.expand("정산은 언제 되나요") == ""
    assert LEXICON.expand("") == ""


def test_comments_and_empty_lines_are_no_phrases():
    assert [phrase for phrase, _ in LEXICON.pairs] == ["손님", "사는사람", "otp", "짤"]


def test_the_lexicon_of_the_package_knows_how_sellers_talk():
    assert "구매자" in load_lexicon().expand("손님이 물건을 안 받았대요").split()
