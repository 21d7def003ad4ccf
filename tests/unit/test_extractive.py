"""Answers without a model: the entry's own words, whole or the part that was asked for, never cut in a menu path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.events import Usage
from faqchat.extractive import AGAIN, EXCERPT_CHARS, WHOLE_CHARS, Extractive, compose, excerpt, point_out
from faqchat.prompt import Brief
from tests.fakes import entry

FOOTER = "※ 전체 내용은 참고한 FAQ"


def body(query, answer):
    return compose(query, entry("[정산] 정산 안내", answer)).partition(f"\n{FOOTER}")[0]


def long(*lines):
    """Lines among so much other text that not everything fits."""
    padding = [f"{kind} 이야기가 길게 이어집니다. " * 12 for kind in "가나다라마"]
    return "\n".join([*lines[:1], *padding[:2], *lines[1:], *padding[2:]])


class TestShortAnswer:
    def test_it_is_given_whole(self):
        answer = "1) [정산관리 > 정산 내역]을 엽니다.\n2) 기간을 고릅니다.\n※ 다음 날 바뀝니다."
        assert compose("기간", entry("정산 안내", answer)) == answer

    def test_pointers_to_pages_that_cannot_be_followed_from_here_are_left_out(self):
        assert (
            compose("정산", entry("정산 안내", "매일 정산됩니다.\n정산 주기 더 보기 》\n☞ 도움말로 가기"))
            == "매일 정산됩니다."
        )

    def test_an_answer_of_nothing_but_pointers_is_better_than_none(self):
        assert compose("정산", entry("정산 안내", "정산 주기 더 보기 》")) == "정산 주기 더 보기 》"


class TestLongAnswer:
    def test_it_begins_with_its_opening_and_has_what_was_asked_for_in_the_order_of_the_entry(self):
        lines = ("정산은 매일 이루어집니다.", "보류된 금액은 해제한 뒤 지급됩니다.", "공휴일에는 다음 영업일입니다.")
        said = body("공휴일에는 보류된 금액이 언제 나오나요", long(*lines))
        assert [line for line in said.split("\n") if line in lines] == list(lines)

    def test_a_heading_keeps_its_steps(self):
        steps = "출금 신청 순서\n1) [정산관리 > 비즈월렛]을 엽니다.\n2) 금액을 적습니다.\n· 최소 천 원입니다."
        assert steps in body("출금 신청은 어떻게 하나요", long("정산 안내입니다.", steps))

    def test_words_of_the_title_do_not_decide_what_matters(self):
        about_all, asked_for = (
            f"{words}에 대한 {'긴 설명입니다. ' * 45}".strip() for words in ("정산 안내", "보류 금액")
        )
        said = body("정산 안내 보류 금액", f"시작합니다.\n{about_all}\n{asked_for}")
        assert said == f"시작합니다.\n{asked_for}"

    def test_it_says_where_the_rest_is(self):
        assert compose("보류", entry("[정산] 정산 안내", long("시작합니다."))).endswith(
            f"{FOOTER} '정산 안내'에서 확인하실 수 있습니다."
        )

    def test_one_block_over_the_limit_is_cut_behind_a_line(self):
        steps = "\n".join(f"{number}) [판매관리 > 발송관리]에서 {number}번째 단계 진행" for number in range(1, 40))
        said = body("단계", f"순서\n{steps}")
        assert steps.startswith(said.removeprefix("순서\n") + "\n")

    def test_one_line_over_the_limit_is_cut_behind_a_sentence(self):
        said = body("정산", "정산은 다음 날 됩니다. " * 60)
        assert said.endswith("됩니다.")

    def test_a_menu_path_at_the_limit_is_left_out_whole(self):
        answer = "가" * (WHOLE_CHARS - 5) + "[정산관리 > 정산 내역]" + "나" * WHOLE_CHARS
        assert body("정산", answer) == "가" * (WHOLE_CHARS - 5) + "…"


blocks = st.lists(
    st.sampled_from(
        [
            "정산됩니다. " * 8,
            "1) [판매관리 > 발송관리]를 엽니다.",
            "· 배송비",
            "※ 참고 " * 20,
            "더 보기 》",
            "긴줄" * 400,
            "끝",
        ]
    ),
    min_size=1,
    max_size=40,
).map("\n".join)


@given(st.text(alphabet="정산배송비 참고", max_size=20), blocks)
def test_an_answer_is_never_empty_nor_much_longer_than_the_limit(query, answer):
    said = body(query, answer)
    assert said.strip()
    assert len(said) <= WHOLE_CHARS + said.count("\n") + 1


@given(st.text(alphabet="정산배송비 참고", max_size=20), blocks)
def test_every_line_of_an_answer_is_the_entrys_own(query, answer):
    own = {line.strip() for line in answer.split("\n")}
    *whole, last = body(query, answer).split("\n")
    assert all(
        line.strip() in own or any(known.startswith(line.rstrip("…")) for known in own) for line in [*whole, last]
    )
    assert body(query, answer).count("[판매관리") == body(query, answer).count("[판매관리 > 발송관리]")


@pytest.mark.parametrize("query", ["", "?", "asdf", "관계없는 말"])
def test_a_query_that_matches_nothing_still_gets_the_opening(query):
    assert body(query, long("정산은 매일 이루어집니다.")).startswith("정산은 매일 이루어집니다.")


def test_an_excerpt_is_the_line_that_matches_best():
    answer = "정산은 매일 이루어집니다.\n공휴일에는 다음 영업일에 지급됩니다."
    assert excerpt("공휴일", entry("정산 안내", answer)) == "공휴일에는 다음 영업일에 지급됩니다."
    assert excerpt("관계없는 말", entry("정산 안내", answer)) == "정산은 매일 이루어집니다."


def test_an_excerpt_is_short_and_says_that_it_goes_on():
    said = excerpt("정산", entry("정산 안내", "정산 금액 " * 100))
    assert len(said) <= EXCERPT_CHARS
    assert said.endswith("…")


class TestAnswerGivenJustNow:
    ANSWER = "1) [정산관리 > 비즈월렛]을 엽니다.\n2) 계좌를 고릅니다.\n3) 금액을 적습니다.\n※ 심사는 하루 걸립니다."

    def test_the_lines_that_were_asked_about_are_pointed_out_in_their_order(self):
        said = point_out("심사가 끝나면 계좌도 바뀌나요", entry("정산 안내", self.ANSWER))
        assert said == f"{AGAIN}\n2) 계좌를 고릅니다.\n※ 심사는 하루 걸립니다."

    def test_an_answer_of_a_line_or_two_is_repeated(self):
        assert (
            point_out("언제", entry("정산 안내", "매일 정산됩니다.\n공휴일은 쉽니다."))
            == "매일 정산됩니다.\n공휴일은 쉽니다."
        )

    def test_a_line_over_the_limit_is_cut(self):
        said = point_out("정산", entry("정산 안내", f"{'정산됩니다. ' * 200}\n끝\n끝"))
        assert len(said) < len(AGAIN) + WHOLE_CHARS + 10

    async def test_the_generator_does_so_for_a_repeated_source(self):
        brief = Brief("계좌", "계좌", (entry("정산 안내", self.ANSWER),), repeated=True)
        first, *_ = [piece async for piece in Extractive().generate(brief)]
        assert first == f"{AGAIN}\n"


async def test_the_generator_streams_the_first_entry_line_by_line_and_costs_nothing():
    brief = Brief("질문", "질문", (entry("정산 안내", "첫째 줄\n둘째 줄"), entry("정산 안내", "다른 답")))
    pieces = [piece async for piece in Extractive().generate(brief)]
    assert pieces == ["첫째 줄\n", "둘째 줄", Usage()]
