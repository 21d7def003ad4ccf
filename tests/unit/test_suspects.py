"""Answers that slipped to another question are named, and terse or repeated ones are not."""

import pytest

from faqchat.faq import Entry, faq_id
from faqchat.suspects import find_suspects

TOPICS = [
    ("정산 주기가 궁금해요", "정산 주기는 구매확정 다음 영업일이며 은행 휴일에는 하루씩 밀려서 처리됩니다."),
    ("반품 배송비 부담", "반품 배송비는 단순 변심이면 구매자가, 하자가 있으면 판매자가 부담하는 것이 원칙입니다."),
    ("쿠폰 발급 한도", "쿠폰 발급 한도는 스토어마다 달의 첫날에 새로 정해지며 남은 수는 혜택 화면에 나옵니다."),
    ("라이브 예고 화면", "라이브 예고 화면은 방송 하루 전까지 만들 수 있고 소식을 받는 사람에게 알려집니다."),
    ("해외 사업자 서류", "해외 사업자 서류는 영문 번역본을 함께 내야 하며 심사에 며칠이 더 걸릴 수 있습니다."),
    ("리뷰 신고 절차", "리뷰 신고 절차는 해당 글의 오른쪽 단추에서 시작하고 결과는 메일로 알려 드립니다."),
    ("도메인 연결 실패", "도메인 연결 실패는 이름 서버를 바꾼 뒤 하루를 기다리면 대부분 풀립니다."),
    ("포장 완충재 규격", "포장 완충재 규격은 물류 창고마다 다르니 계약서의 별표를 먼저 보시기 바랍니다."),
]


def faq(*pairs):
    return [
        Entry(faq_id=faq_id(question), question=question, answer=answer, content_hash="")
        for question, answer in pairs or TOPICS
    ]


def suspects(entries):
    return {suspect.question: suspect.reason for suspect in find_suspects(entries)}


def slipped(start, end):
    """The topics, with the answers of a range moved up by one."""
    answers = [answer for _, answer in TOPICS]
    answers[start:end] = answers[start + 1 : end + 1]
    return faq(*zip((question for question, _ in TOPICS), answers, strict=True))


def test_answers_that_fit_their_questions_are_left_alone():
    assert suspects(faq()) == {}


@pytest.mark.parametrize(("start", "end"), [(0, 3), (2, 6), (4, 7)])
def test_a_row_of_slipped_answers_is_named_with_the_question_that_each_fits(start, end):
    found = suspects(slipped(start, end))
    assert list(found) == [question for question, _ in TOPICS[start:end]]
    assert TOPICS[start + 1][0] in found[TOPICS[start][0]]


def test_one_or_two_poor_fits_may_be_terse_answers():
    assert suspects(slipped(2, 3)) == {}
    assert suspects(slipped(2, 4)) == {}


def test_a_row_of_terse_answers_fits_no_other_question_better():
    terse = [(question, "네, 가능합니다.") for question, _ in TOPICS[1:5]]
    assert suspects(faq(TOPICS[0], *terse, *TOPICS[5:])) == {}


def test_a_long_answer_that_stands_under_an_unlike_question_again_is_named_where_it_fits_less():
    answer = TOPICS[0][1] + " 자세한 금액은 정산 화면의 내역에서 날짜를 눌러 보시면 됩니다."
    found = suspects(faq((TOPICS[0][0], answer), *TOPICS[1:4], ("완충재를 어디서 사나요", answer), *TOPICS[4:]))
    assert list(found) == ["완충재를 어디서 사나요"]
    assert TOPICS[0][0] in found["완충재를 어디서 사나요"]


def test_a_long_answer_may_serve_two_questions_that_ask_the_same():
    answer = TOPICS[0][1] + " 자세한 금액은 정산 화면의 내역에서 날짜를 눌러 보시면 됩니다."
    assert suspects(faq((TOPICS[0][0], answer), ("정산 주기를 알고 싶어요", answer), *TOPICS[1:])) == {}


def test_a_short_answer_may_stand_twice():
    assert (
        suspects(faq((TOPICS[0][0], "네, 정산 화면에서 가능합니다."), ("완충재", "네, 정산 화면에서 가능합니다.")))
        == {}
    )


def test_no_entries_no_suspects():
    assert find_suspects([]) == []
