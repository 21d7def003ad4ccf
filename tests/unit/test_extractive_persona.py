"""Answers without a model that depend on who asks: their case first, others' left out, nothing else lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.extractive import AGAIN, WHOLE_CHARS, Extractive, compose, point_out
from faqchat.persona import ANYBODY, MINOR, PROPRIETOR, REGISTERED, Age, Business, Domicile, Persona
from faqchat.prompt import Brief
from tests.fakes import entry

PRIVATE = Persona(Domicile.HOME, Business.PRIVATE)
SOLE = Persona(business=PROPRIETOR)
SIMPLIFIED = Persona(business=Business.SIMPLIFIED)
CORPORATE = Persona(business=Business.CORPORATE)
ABROAD = Persona(Domicile.ABROAD, REGISTERED)
CHILD = Persona(age=Age.UNDER_14)
TEENAGER = Persona(age=Age.UNDER_19)
EVERYONE = [PRIVATE, SOLE, SIMPLIFIED, CORPORATE, ABROAD, CHILD, TEENAGER, ANYBODY]

NOTICES = ("※ 전체 내용은", AGAIN)
FOR_WHOM = "기준으로 안내해 드렸습니다."
FILLER = "다른 이야기가 길게 이어집니다. " * 12

PAPERS = entry(
    "가입 서류 안내",
    "유형마다 다릅니다.\n"
    "· 개인 판매자: 없음\n"
    "· 간이사업자: 신분증\n"
    "· 개인사업자: 등록증\n"
    "· 법인사업자: 등기\n"
    "· 해외 사업자: 여권\n"
    "※ 참고. 사본도 됩니다.",
)
CHECKS = entry(
    "확인 절차",
    "확인은 사흘 걸립니다.\n[법인사업자 진행 방법]\n1. 명부를 올립니다.\n2. 누릅니다.\n"
    "[개인판매자 진행 방법]\n1. 휴대폰으로 합니다.\n※ 공통 참고.\n· 사진도 됩니다.",
)
ACCOUNT = entry(
    "계좌 변경",
    "정산정보에서 바꿉니다.\n· 개인 판매자: 본인 계좌\n· 법인: 법인 계좌\n1) 바로 됩니다.\n"
    "※ 참고. 해외 판매자는 신청으로만 바꿀 수 있습니다.",
)
MINORS = entry(
    "나이 제한",
    "나이를 봅니다.\n· 만 14세 미만: 가입할 수 없습니다.\n· 만 14세 이상 ~ 만 19세 미만: 동의서를 냅니다.\n"
    "※ 참고. 성인은 그냥 됩니다.",
)


def said(asked, seller):
    """The lines of an answer, without the notice at its end."""
    return [line for line in compose("서류", asked, seller).split("\n") if FOR_WHOM not in line]


class TestDecided:
    @pytest.mark.parametrize(
        ("seller", "case"),
        [
            (PRIVATE, "· 개인 판매자: 없음"),
            (SIMPLIFIED._replace(domicile=Domicile.HOME), "· 간이사업자: 신분증"),
            (CORPORATE._replace(domicile=Domicile.HOME), "· 법인사업자: 등기"),
            (ABROAD, "· 해외 사업자: 여권"),
        ],
    )
    def test_the_sellers_own_line_is_told_and_no_others(self, seller, case):
        assert said(PAPERS, seller) == ["유형마다 다릅니다.", case, "※ 참고. 사본도 됩니다."]

    def test_who_may_still_be_either_is_told_both(self):
        assert said(PAPERS, SOLE._replace(domicile=Domicile.HOME))[1:3] == [
            "· 간이사업자: 신분증",
            "· 개인사업자: 등록증",
        ]

    def test_what_was_not_said_leaves_nothing_out(self):
        assert "· 해외 사업자: 여권" in said(PAPERS, CORPORATE)
        assert "· 개인 판매자: 없음" not in said(PAPERS, CORPORATE)

    @pytest.mark.parametrize(
        ("seller", "step"), [(CORPORATE, "1. 명부를 올립니다."), (PRIVATE, "1. 휴대폰으로 합니다.")]
    )
    def test_a_block_comes_whole_behind_the_opening_and_common_notes_stay(self, seller, step):
        lines = said(CHECKS, seller)
        assert lines[0] == "확인은 사흘 걸립니다."
        assert lines[2] == step
        assert lines[-2:] == ["※ 공통 참고.", "· 사진도 됩니다."]
        assert sum("진행 방법" in line for line in lines) == 1

    def test_a_sentence_that_rules_the_seller_out_comes_first(self):
        assert said(ACCOUNT, ABROAD)[0] == "※ 참고. 해외 판매자는 신청으로만 바꿀 수 있습니다."
        assert said(ACCOUNT, PRIVATE)[:2] == ["정산정보에서 바꿉니다.", "· 개인 판매자: 본인 계좌"]

    def test_who_is_ruled_out_is_not_told_the_others_list(self):
        assert "· 법인: 법인 계좌" not in said(ACCOUNT, ABROAD)

    def test_a_note_of_one_sentence_stays_with_everybody(self):
        assert said(ACCOUNT, PRIVATE)[-1] == "※ 참고. 해외 판매자는 신청으로만 바꿀 수 있습니다."

    def test_an_answer_that_begins_with_the_gist_still_does(self):
        answer = "14세부터 됩니다.\n· 만 14세 이상 만 19세 미만은 동의서를 냅니다.\n※ 참고. 만 19세부터는 그냥 됩니다."
        assert compose("동의서", entry("미성년자", answer), Persona(age=MINOR)) == answer

    @pytest.mark.parametrize(
        ("seller", "told", "kept_back"), [(CHILD, "가입할 수 없", "동의서"), (TEENAGER, "동의서", "가입할 수 없")]
    )
    def test_an_age_decides_too(self, seller, told, kept_back):
        text = "\n".join(said(MINORS, seller))
        assert told in text
        assert kept_back not in text

    def test_the_answer_says_for_whom_it_is_and_where_the_others_are(self):
        last = compose("서류", PAPERS, ABROAD).split("\n")[-1]
        assert last == f"※ 해외 사업자 {FOR_WHOM} 다른 경우는 참고한 FAQ '가입 서류 안내'에서 확인하실 수 있습니다."

    def test_a_case_that_refers_to_another_keeps_it(self):
        answer = "■ 국내 사업자\n· 휴대폰\n■ 해외 사업자\n· 국내와 동일하게 하고 여권을 냅니다."
        assert "· 휴대폰" in said(entry("확인", answer), ABROAD)

    def test_where_no_case_is_the_sellers_all_are_told(self):
        answer = "신고 기간입니다.\n· 일반과세자 : 두 번\n· 간이과세자 : 한 번"
        assert compose("신고", entry("신고", answer), CORPORATE) == answer

    def test_a_mention_in_passing_keeps_its_place(self):
        answer = "버튼으로 받습니다.\n· 국내 사업자는 심사 중에도 받습니다."
        assert compose("버튼", entry("확인증", answer), CORPORATE) == answer

    def test_the_mark_of_notes_that_are_all_for_others_goes_with_them(self):
        answer = "· 법인 : 등기\n· 개인 판매자 : 없음\n※ 참고.\n· 해외판매자는 여권을 냅니다."
        assert said(entry("서류", answer), PRIVATE) == ["· 개인 판매자 : 없음"]


class TestUndecided:
    def test_a_short_answer_has_each_case_in_a_line_of_its_own(self):
        text = compose("서류", entry("서류", "준비물[개인사업자]\n· 신분증[법인사업자]\n· 등기"))
        assert text.split("\n") == ["준비물", "[개인사업자]", "· 신분증", "[법인사업자]", "· 등기"]

    def test_a_long_one_has_the_head_of_each_case(self):
        blocks = [
            f"[{kind} 진행 방법]\n1. {kind} 순서입니다.\n2. {FILLER * 2}" for kind in ("법인사업자", "개인판매자")
        ]
        text = compose("절차", entry("확인", "\n".join(["확인은 사흘 걸립니다.", *blocks])))
        for line in ("확인은 사흘 걸립니다.", "1. 법인사업자 순서입니다.", "1. 개인판매자 순서입니다."):
            assert line in text.split("\n")
        assert text.split("\n")[-1].startswith("※ 전체 내용은")

    def test_a_long_answer_about_something_else_is_told_as_ever(self):
        answer = "\n".join(["수수료 안내입니다.", FILLER * 3, "· 법인 : 네 번", "· 간이사업자 : 한 번", FILLER * 3])
        about_fees = entry("수수료", answer)
        assert compose("이야기", about_fees, CORPORATE) == compose("이야기", about_fees)
        assert "· 법인 : 네 번" in said(about_fees, CORPORATE)


class TestGenerator:
    async def spoken(self, question, asker, *, repeated=False):
        brief = Brief(question, question, (PAPERS,), repeated=repeated, asker=asker)
        return "".join([piece async for piece in Extractive().generate(brief) if isinstance(piece, str)])

    async def test_it_answers_the_asker(self):
        assert "· 해외 사업자: 여권" in await self.spoken("서류가 뭐예요?", ABROAD)
        assert "· 법인사업자: 등기" not in await self.spoken("서류가 뭐예요?", ABROAD)

    async def test_the_case_that_the_question_names_comes_before_the_askers(self):
        text = await self.spoken("법인사업자는요?", PRIVATE)
        assert "· 법인사업자: 등기" in text
        assert "· 개인 판매자: 없음" not in text

    async def test_a_seller_who_says_who_they_are_after_the_answer_is_pointed_to_their_case(self):
        text = await self.spoken("저는 해외 사업자예요", ABROAD, repeated=True)
        assert text.split("\n")[0] == AGAIN
        assert "· 해외 사업자: 여권" in text
        assert "· 법인사업자: 등기" not in text

    def test_others_are_not_pointed_out(self):
        text = point_out("해외 아니고 법인이에요", ACCOUNT, CORPORATE._replace(domicile=Domicile.HOME))
        assert "· 법인: 법인 계좌" in text
        assert "해외" not in text


LINES = st.sampled_from(
    [
        "정산은 매일 됩니다. 해외판매자는 이틀 뒤입니다. 확인해 주세요.",
        "법인의 경우 아래 서류를 냅니다.",
        "■ 국내 사업자",
        "[법인사업자]",
        "1) 개인 판매자",
        "· 해외판매자 : 여권을 냅니다.",
        "· 간이사업자 : 신분증[개인사업자]",
        "· 만 14세 미만: 가입할 수 없습니다.",
        "※ 참고.",
        "· 국내와 동일하게 합니다.",
        "국내사업자 등록 방법",
        "해외사업자 등록 방법",
        "더 보기 》",
        FILLER.strip(),
    ]
)


@given(
    st.lists(LINES, min_size=1, max_size=14).map("\n".join),
    st.sampled_from(EVERYONE),
    st.sampled_from(["", "정산 서류"]),
)
def test_every_line_is_the_entrys_own_and_no_seller_is_told_nothing(answer, seller, query):
    for text in (compose(query, entry("안내", answer), seller), point_out(query, entry("안내", answer), seller)):
        own = [line for line in text.split("\n") if not line.startswith(NOTICES) and FOR_WHOM not in line]
        assert "".join(own).strip()
        assert all(line.rstrip("…") in answer for line in own)
        assert len("\n".join(own)) <= WHOLE_CHARS + len(own)
