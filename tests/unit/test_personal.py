"""Personal data in what sellers write: found however it is written, and nothing else with digits."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.personal import hotlines, mask

KEEP = hotlines(["문의는 02-555-0199 또는 help@store.example 로 주세요. 고객센터 1588-0000"])


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("900101-1234567", "[주민등록번호]"),
        ("900101 1234567", "[주민등록번호]"),
        ("9001011234567", "[주민등록번호]"),
        ("020229-4234567", "[주민등록번호]"),
        ("900101-5234567", "[주민등록번호]"),
        ("010-1234-5678", "[전화번호]"),
        ("01012345678", "[전화번호]"),
        ("010 1234 5678", "[전화번호]"),
        ("010.1234.5678", "[전화번호]"),
        ("010－1234－5678", "[전화번호]"),
        ("０１０-１２３４-５６７８", "[전화번호]"),
        ("010\u200b-1234\u200b-5678", "[전화번호]"),
        ("+82 10-1234-5678", "[전화번호]"),
        ("+82(0)10-1234-5678", "[전화번호]"),
        ("02-123-4567", "[전화번호]"),
        ("(031) 1234-5678", "[전화번호]"),
        ("070-1234-5678", "[전화번호]"),
        ("0507-1234-5678", "[전화번호]"),
        ("4111-1111-1111-1111", "[카드번호]"),
        ("4111 1111 1111 1111", "[카드번호]"),
        ("4111111111111111", "[카드번호]"),
        ("3782 822463 10005", "[카드번호]"),
        ("110-234-567890", "[계좌번호]"),
        ("123456-01-234567", "[계좌번호]"),
        ("3333-01-1234567", "[계좌번호]"),
        ("seller.one+shop@naver.com", "[이메일]"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "제 번호는 {}이에요.", "({}), 맞나요?", "번호:{} 확인"])
def test_it_is_replaced_by_a_label_in_its_place(written, label, around):
    assert mask(around.format(written), KEEP) == around.format(label)


@pytest.mark.parametrize("bank", ["계좌번호는 {} 입니다", "국민은행 {}", "농협 : {}", "카카오뱅크 {}로 받고 싶어요"])
def test_an_account_without_hyphens_is_known_by_the_word_before_it(bank):
    assert mask(bank.format("11023456789012")) == bank.format("[계좌번호]")


@pytest.mark.parametrize(
    "text",
    [
        "상품주문번호 2024112212345678 취소해 주세요",
        "2024-11-22부터 2024-11-30까지",
        "2024.11.22 10:30에 결제",
        "1,234,567,890원이 정산됐어요",
        "수수료 3.63%와 5.5%",
        "송장번호 123456789012",
        "사업자등록번호 123-45-67890",
        "법인번호가 없어서 0000000000000을 넣었어요",
        "IP 주소 125.209.230.216",
        "우편번호 06236",
        "1588-1234와 1661-1234로 전화했는데",
        "상품번호 9913321234567",
        "4111111111111112번 상품",
        "옵션 A-100, B-200을 3개씩",
        "배송비 3000원 5만원 이상 무료",
        "@naver 검색은 어떻게 하나요",
    ],
)
def test_other_numbers_stay(text):
    assert mask(text) == text


def test_what_the_faq_gives_out_stays_readable():
    asked = "help@store.example 로 보냈고 02-555-0199, 025550199, 1588-0000에 전화했어요"
    assert mask(asked, KEEP) == asked
    assert mask(asked) != asked


def test_several_in_one_message_are_all_replaced():
    text = "홍길동 900101-1234567 010-1234-5678 110-234-567890 a@b.co.kr"
    assert mask(text) == "홍길동 [주민등록번호] [전화번호] [계좌번호] [이메일]"


@given(st.text("0123456789-. ()+@a가\u200b계좌", max_size=120))
def test_what_is_masked_stays_as_it_is(text):
    once = mask(text)
    assert mask(once) == once


@given(st.text(st.characters(exclude_categories=["Nd"]), max_size=80).filter(lambda text: "@" not in text))
def test_a_text_without_digits_and_addresses_stays(text):
    assert mask(text) == text


@pytest.mark.parametrize(
    "piece", ["1", "1-", "12-", "0 ", "010-", "1234 ", "계좌 ", "+82", "1\u200b", "a@", "a.a@a.", "가1", "은행1"]
)
def test_time_grows_with_the_length_and_no_faster(piece):
    def taken(text):
        return min(_timed(text) for _ in range(5))

    short, long = piece * (2_000 // len(piece)), piece * (20_000 // len(piece))
    assert taken(long) < 20 * taken(short) + 0.005


def _timed(text):
    began = time.perf_counter()
    mask(text)
    return time.perf_counter() - began
