"""Whom the parts of an answer are for, by each form in which the FAQ tells sellers apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.cases import split
from faqchat.persona import ANYBODY, PROPRIETOR, REGISTERED, Age, Business, Domicile, Persona

PRIVATE = Persona(business=Business.PRIVATE)
SOLE = Persona(business=PROPRIETOR)
CORPORATE = Persona(business=Business.CORPORATE)
AT_HOME = Persona(Domicile.HOME, REGISTERED)
ABROAD = Persona(Domicile.ABROAD)


def told(answer, about=ANYBODY):
    """Each part with the kinds that it is for."""
    return [(part.text, part.kinds) for part in split(answer, about)]


def kinds(answer):
    return [part.kinds for part in split(answer)]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("· 개인 판매자 : 이름으로 확인합니다.", PRIVATE),
        ("· 법인: 등기로 확인합니다.", CORPORATE),
        ("- 간이사업자 : 내지 않습니다.", Persona(business=Business.SIMPLIFIED)),
        ("① 법인사업자 : 등기를 냅니다.", CORPORATE),
        ("■ 일반과세자 : 한 해에 두 번", Persona(business=Business.SOLE)),
        ("· (개인사업자) 대표자 서류를 냅니다.", SOLE),
        ("· 만 14세 미만: 가입할 수 없습니다.", Persona(age=Age.UNDER_14)),
        ("· 해외판매자는 여권을 냅니다.", ABROAD),
        ("※ 참고. 해외 판매자님의 경우 영문으로 냅니다.", ABROAD),
        ("법인사업자일 경우 등기를 냅니다.", CORPORATE),
        ("! 주의. 국내 사업자는 도장을 찍습니다.", AT_HOME),
        ("개인판매자의 이름 변경 시 휴대폰으로 인증합니다.", PRIVATE),
        ("[법인사업자 진행 방법]안내를 봅니다.", CORPORATE),
        ("만 19세부터는 서류가 없습니다.", Persona(age=Age.ADULT)),
        (
            "스마트스토어는 만 14세 미만의 개인은 가입할 수 없습니다.",
            Persona(business=Business.PRIVATE, age=Age.UNDER_14),
        ),
    ],
)
def test_a_line_says_whom_it_is_for(line, kind):
    assert kinds(line) == [(kind,)]


@pytest.mark.parametrize(
    "line",
    [
        "법인카드 : 쓸 수 없습니다.",
        "개인정보 : 지웁니다.",
        "[개인정보보호법]에 따라 알려 드립니다.",
        "[사업자 전환] 메뉴에서 신청합니다.",
        "[개인/간이 사업자]의 이름을 봅니다.",
        "· 사업자등록증 사본 1부",
        "국내 사업자에 한해 신청할 수 있습니다.",
        "국내 사업자만 신청할 수 있습니다.",
        "· 해외 : 보름 안에 도착합니다.",
        "해외는 보름이 걸립니다.",
        "① 해외 직배송 상품",
        "· 개인 판매자와 사업자 대표자가 다른 경우 : 가족만 됩니다.",
        "▷ 개인판매자 포함 공동 사업자 전환 서류",
        "· 법인사업자의 번호가 바뀐 경우",
        "· 법인사업자인 경우 법인인감, 개인사업자인 경우 개인인감으로 찍습니다.",
        "성인 개인 판매자는 서류가 없고, 나머지는 다릅니다.",
        "만 14세 이상이면 되고, 만 14세 미만은 되지 않습니다.",
        "· 개인 판매회원 및 해외사업자의 경우 열 수 없습니다.",
    ],
)
def test_what_is_no_clear_label_is_for_everybody(line):
    assert kinds(line) == [()]


class TestBlock:
    def test_a_heading_keeps_its_steps_until_the_next(self):
        answer = "국내사업자 등록 절차\n1. 엽니다.\n2. 누릅니다.\n해외사업자 등록 절차\n1. 닫습니다."
        abroad = Persona(Domicile.ABROAD, REGISTERED)
        assert kinds(answer) == [(AT_HOME,)] * 3 + [(abroad,)] * 2

    def test_a_section_and_a_bracket_and_a_numbered_heading_keep_their_bullets(self):
        for heading in ("■ 법인사업자", "[법인사업자]", "1) 법인사업자"):
            assert kinds(f"{heading}\n· 등기\n· 도장") == [(CORPORATE,)] * 3

    def test_notes_between_two_cases_are_the_firsts_and_behind_the_last_everybodys(self):
        answer = "■ 개인 판매자\n· 없음\n※ 참고.\n· 이름\n■ 법인사업자\n· 등기\n※ 참고.\n· 도장"
        assert kinds(answer) == [(PRIVATE,)] * 4 + [(CORPORATE,)] * 2 + [()] * 2

    def test_notes_among_the_steps_of_the_last_case_are_its_own(self):
        answer = "[법인사업자]\n1. 엽니다.\n※ 참고. 오래 걸립니다.\n2. 닫습니다.\n※ 공통 참고.\n· 도장"
        assert kinds(answer) == [(CORPORATE,)] * 4 + [()] * 2

    def test_a_sentence_that_announces_a_list_reaches_over_it(self):
        answer = "법인의 경우 아래 서류를 냅니다.\n① 등기\n② 도장\n심사는 사흘 걸립니다."
        assert kinds(answer) == [(CORPORATE,)] * 3 + [()]

    def test_a_case_within_a_case_is_for_those_who_are_both(self):
        answer = "■ 국내 사업자\n· 법인사업자는 등기를 냅니다.\n· 도장"
        assert kinds(answer) == [(AT_HOME,), (AT_HOME, CORPORATE), (AT_HOME,)]

    def test_a_note_on_others_among_its_lines_is_not_its(self):
        answer = "■ 개인 판매자\n· 이름\n· 법인사업자는 등기를 냅니다.\n· 주소"
        assert kinds(answer) == [(PRIVATE,), (PRIVATE,), (CORPORATE,), (PRIVATE,)]


class TestLine:
    def test_an_item_keeps_its_later_sentences_and_what_goes_on_in_the_next_line(self):
        answer = "· 해외판매자 : 늦게 들어옵니다. 계좌로 보냅니다.\n(주말 제외)\n단, 나라마다 다릅니다.\n· 정산 안내"
        assert kinds(answer) == [(ABROAD,)] * 4 + [()]

    def test_a_sentence_in_a_paragraph_is_alone(self):
        assert told("심사가 있습니다. 해외판매자는 여권을 냅니다. 사흘 걸립니다.") == [
            ("심사가 있습니다.", ()),
            ("해외판매자는 여권을 냅니다.", (ABROAD,)),
            ("사흘 걸립니다.", ()),
        ]

    def test_cases_that_the_source_glued_together_come_apart(self):
        assert told("필수 서류[개인사업자]\n· 신분증 1부[법인사업자]\n· 등기 1부") == [
            ("필수 서류", ()),
            ("[개인사업자]", (SOLE,)),
            ("· 신분증 1부", (SOLE,)),
            ("[법인사업자]", (CORPORATE,)),
            ("· 등기 1부", (CORPORATE,)),
        ]
        assert [text for text, _ in told("- 법인 : 등기 필수- 개인사업자 : 선택")] == [
            "- 법인 : 등기 필수",
            "- 개인사업자 : 선택",
        ]

    def test_a_heading_swallowed_by_the_last_item_ends_the_case(self):
        answer = "[법인사업자]\n· 통장 사본 1부 번호 입력 기준\n· 쉰 건 이상"
        assert kinds(answer) == [(CORPORATE,), (CORPORATE,), ()]


class TestAmongOthers:
    def test_a_sole_proprietor_beside_a_simplified_taxpayer_is_not_one(self):
        assert kinds("· 개인사업자 : 두 번\n· 간이사업자 : 한 번")[0][0].business == Business.SOLE
        assert kinds("· 개인사업자 : 두 번\n· 법인사업자 : 네 번")[0][0].business == PROPRIETOR

    def test_who_is_not_abroad_in_a_list_that_names_those_abroad_is_at_home(self):
        assert kinds("· 법인사업자: 등기\n· 해외 사업자: 여권")[0] == (Persona(Domicile.HOME, Business.CORPORATE),)

    def test_minors_beside_those_under_14_are_the_elder_ones(self):
        assert kinds("· 만 14세 미만: 안 됩니다.\n■ 미성년자 판매 회원\n· 동의서")[1][0].age == Age.UNDER_19

    def test_a_place_among_sellers_is_where_they_live(self):
        assert kinds("· 국내 법인 : 등기\n· 해외 : 여권")[1] == (ABROAD,)

    def test_whom_the_entry_is_about_is_no_case_of_it(self):
        assert told("· 해외 판매자는 여권을 냅니다.", about=ABROAD) == [("· 해외 판매자는 여권을 냅니다.", ())]


LINES = st.sampled_from(
    [
        "법인의 경우 아래 서류를 냅니다.",
        "■ 국내 사업자",
        "[법인사업자]안내",
        "1) 개인 판매자",
        "· 해외판매자 : 여권. 계좌입니다. 단, 다릅니다.",
        "· 도장[개인사업자]",
        "※ 참고.",
        "(주말 제외)",
        "정산됩니다. 만 14세 미만은 안 됩니다. 끝",
        "국내사업자 등록 방법",
        "더 보기 》",
        "끝",
    ]
)


@given(st.lists(LINES, min_size=1, max_size=12))
def test_no_text_is_lost_or_changed(lines):
    parts = split("\n".join(lines))
    assert [
        "".join(part.gap + part.text for part in parts if part.line == number) for number in range(len(lines))
    ] == lines
