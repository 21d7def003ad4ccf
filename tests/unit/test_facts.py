"""Facts in one form, however they are written."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faqchat.facts import Stated, facts, is_number, without_facts


@pytest.mark.parametrize(
    ("written", "alike"),
    [
        ("3,000원", ["3000원", "3천원", "3천 원", "３，０００원", "삼천 원", "**3,000**원"]),
        ("1만 원", ["10,000원", "만 원", "10000 원", "일만 원"]),
        ("1만 5천 원", ["15,000원", "1만5천원", "1만5000원"]),
        ("1억 2천만 원", ["120,000,000원", "1.2억원"]),
        ("1.980%", ["1.98 %", "1.98퍼센트", "１．９８％"]),
        ("만 14세", ["14살", "열네 살이 아닌 14 세"]),
        ("3영업일", ["영업일 기준 3일", "영업일 기준으로 3일"]),
        ("2개월", ["두 달", "2달"]),
        ("1년", ["12개월"]),
        ("하루", ["1일"]),
        ("일주일", ["7일", "1주", "1주일"]),
        ("2023년 11월 16일", ["2023.11.16", "2023-11-16"]),
        ("https://sell.smartstore.naver.com/", ["sell.smartstore.naver.com에서"]),
        ("[판매관리 > 배송현황 관리]", ["[판매관리>배송현황 관리]", "[판매관리 → 배송현황관리]"]),
    ],
)
def test_what_says_the_same_is_the_same_fact(written, alike):
    assert {facts(other) for other in alike} == {facts(written)}
    assert facts(written)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. 메뉴를 엽니다.\n2) 저장합니다.\n③ 끝\n**4.** 끝", []),
        ("1) 로그인 2) 저장", []),
        ("회사원인 판매자, 수천 원, 한 주문번호", []),
        ("3~5영업일", ["3영업일", "5영업일"]),
        ("1·3·6개월", ["1개월", "3개월", "6개월"]),
        ("1588-3819로 전화하거나 help@naver.com으로 보냅니다", ["1588-3819", "help@naver.com"]),
        ("메뉴는 판매관리 > 배송현황 관리입니다", [">판매관리>배송"]),
        ("[가입하기]를 누릅니다 [참고]", [">가입하기"]),
        ("[여기](https://evil.example.com/a?b=1.)", ["evil.example.com/a?b=1"]),
    ],
)
def test_numbers_have_their_units_and_steps_are_no_facts(text, found):
    assert sorted(facts(text)) == found


@pytest.mark.parametrize(
    ("fact", "known"),
    [
        ("3,000원", True),
        ("3천 원", True),
        ("3%", False),
        ("3,000", True),
        ("3,000개", False),
        ("5일", False),
        ("[상품관리 > 상품 조회/수정]", True),
        ("[상품관리]", True),
        ("상품관리 > 상품 조회에서", True),
        ("[상품관리 > 배송]", False),
        ("상품관리 > 정산", False),
        ("help.naver.com", True),
        ("naver.com", False),
    ],
)
def test_a_text_states_its_own_facts_and_no_others(fact, known):
    stated = Stated("3,000원을 5영업일 안에 냅니다. [상품관리 > 상품 조회/수정]에서 봅니다. help.naver.com")
    assert all(each in stated for each in facts(fact)) is known


def test_only_numbers_are_numbers():
    assert all(map(is_number, ("3000원", "1.98%", "14세", "7")))
    assert not any(map(is_number, ("1588-3819", "naver.com", ">판매관리>배송")))


def test_what_is_left_without_facts_has_no_numbers():
    assert without_facts("**3,000원**을 5영업일 안에 냅니다").split() == ["을", "안에", "냅니다"]


@given(st.text(alphabet="0123456789,. 천만억일이한두하루달원%년월개세주~-[]>()a@/: 가\n*", max_size=120))
@example("0[:]>0")
def test_every_text_states_its_own_facts(text):
    stated = Stated(text)
    assert all(fact in stated for fact in facts(text))


@pytest.mark.parametrize("pattern", ["a", "1", "(", "[", "[a", "a.", "1,", "1-", "a>", "만", "하루", "1~", "- "])
def test_no_text_takes_long(pattern):
    began = time.perf_counter()
    Stated(pattern * 2_000)
    assert time.perf_counter() - began < 1
