"""Raw questions and answers become clean ones, and nothing that a reader would miss is lost on the way."""

import hashlib
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faqchat.faq import Entry, faq_id, leading_tags, normalize, restore_lines, split_answer

FURNITURE = "위 도움말이 도움이 되었나요?\n\n별점1점\n\n별점5점\n\n소중한 의견을 남겨주시면 보완합니다.\n\n보내기\n\n"

# Text that meets the rules of restore_lines: their marks, their edges, and what must be cleaned away.
marks = st.sampled_from(
    [
        "다.",
        "요.",
        "가",
        "나요?",
        "1)",
        " 2) ",
        "3. ",
        "①",
        "※",
        "■",
        "·",
        "· ",
        "- ",
        "》",
        "! 중요",
        "예) ",
        "Case 1. ",
        "[",
        "]",
        "(",
        ")",
        "[판매관리 > 발송]",
        "(7일)",
        "12",
        ",",
        "~",
        "a",
        "\n",
        "\r\n",
        "   ",
        "\t",
        "\xa0",
        "\u200b",
        "\ufeff",
        "\x00",
        "\x01",
        "\x07",
        "\ud800",
        "ᄀ",
        "ᅡ",
        "é",
    ]
)
source_text = st.one_of(st.lists(marks, max_size=40).map("".join), st.text(max_size=60))


def visible(text):
    """What a reader sees: no white space, nothing of zero width, no control characters."""
    return unicodedata.normalize("NFC", re.sub(r"[\s\x00-\x1f\x7f\u200b-\u200d\ufeff\ud800-\udfff]", "", text))


class TestId:
    def test_it_is_the_start_of_the_hash_of_the_question(self):
        question = "정산은 언제 되나요?"
        assert faq_id(question) == hashlib.sha256(question.encode()).hexdigest()[:12]

    @pytest.mark.parametrize(
        "written",
        [
            "정산은\xa0언제 되나요?",
            "  정산은 \n 언제\t되나요? ",
            "정\u200b산은 언제\u200d 되나요?\ufeff",
            unicodedata.normalize("NFD", "정산은 언제 되나요?"),
        ],
    )
    def test_invisible_differences_are_the_same_question(self, written):
        assert faq_id(written) == faq_id("정산은 언제 되나요?")

    @pytest.mark.parametrize("other", ["정산은 언제 되나요", "정산은언제 되나요?", "[정산] 정산은 언제 되나요?"])
    def test_visible_differences_are_other_questions(self, other):
        assert faq_id(other) != faq_id("정산은 언제 되나요?")

    @given(st.text())
    def test_every_text_has_one(self, text):
        assert re.fullmatch("[0-9a-f]{12}", faq_id(text))

    def test_half_a_character_is_no_reason_to_fail(self):
        assert faq_id("정산\ud83d") == faq_id("정산")


class TestNormalize:
    @pytest.mark.parametrize(
        ("raw", "clean"),
        [
            ("\ufeff 정산은\xa0\n언제\u200b  되나요? ", "정산은 언제 되나요?"),
            ("배송\x00비\x1f설정", "배송 비 설정"),
            ("상품\ud83d 등록", "상품 등록"),
            ("\u200b\n", ""),
        ],
    )
    def test_what_nobody_sees_is_removed(self, raw, clean):
        assert normalize(raw) == clean

    @given(source_text)
    def test_a_clean_text_stays_as_it_is(self, text):
        assert normalize(normalize(text)) == normalize(text)

    @given(source_text)
    def test_everything_that_can_be_seen_is_kept(self, text):
        assert visible(normalize(text)) == visible(text)


class TestTags:
    @pytest.mark.parametrize(
        ("question", "tags", "title"),
        [
            ("[가입절차] 가입은 어떻게 하나요?", ("가입절차",), "가입은 어떻게 하나요?"),
            ("[쇼핑라이브][공통] 라이브란?", ("쇼핑라이브", "공통"), "라이브란?"),
            ("[ 정산 ] [빠른정산]신청", ("정산", "빠른정산"), "신청"),
            ("가입은 [가입하기]에서 하나요?", (), "가입은 [가입하기]에서 하나요?"),
            ("[정산]", ("정산",), "[정산]"),
        ],
    )
    def test_labels_in_front_are_tags_and_not_the_title(self, question, tags, title):
        assert leading_tags(question) == tags
        assert Entry(faq_id="0" * 12, question=question, answer="답", content_hash="").title == title


class TestAnswer:
    def test_the_rating_form_and_all_behind_it_are_cut(self):
        answer, links = split_answer(f"구매확정 다음 날 정산됩니다.\n\n\n{FURNITURE}도움말 닫기")
        assert (answer, links) == ("구매확정 다음 날 정산됩니다.", ())

    def test_related_help_pages_are_links_one_a_line(self):
        raw = (
            f"가능합니다.{FURNITURE}관련 도움말/키워드\n\n가입 서류는\xa0무엇인가요?\n\n[심사] 심사 기간\n\n도움말 닫기"
        )
        assert split_answer(raw) == ("가능합니다.", ("가입 서류는 무엇인가요?", "[심사] 심사 기간"))

    def test_a_list_of_links_may_end_with_the_text(self):
        assert split_answer(f"가능합니다.{FURNITURE}관련 도움말/키워드\n심사 기간")[1] == ("심사 기간",)

    def test_an_answer_without_a_form_is_kept_whole(self):
        assert split_answer("관련 도움말/키워드 메뉴에서 확인합니다.") == (
            "관련 도움말/키워드 메뉴에서 확인합니다.",
            (),
        )

    def test_nothing_but_the_form_is_an_empty_answer(self):
        assert split_answer(FURNITURE) == ("", ())


class TestLines:
    @pytest.mark.parametrize(
        ("raw", "lines"),
        [
            ("가입할 수 있습니다.네이버 ID가 필요합니다.", ["가입할 수 있습니다.", "네이버 ID가 필요합니다."]),
            ("주의하세요.[정산관리 > 정산 내역]에서 봅니다.", ["주의하세요.", "[정산관리 > 정산 내역]에서 봅니다."]),
            (
                "아래 순서입니다. 1) 로그인합니다. 2) 저장합니다.",
                ["아래 순서입니다.", "1) 로그인합니다.", "2) 저장합니다."],
            ),
            ("1)로그인2)저장", ["1)로그인", "2)저장"]),
            ("수정 방법1.  [상품관리 > 상품 조회] 클릭", ["수정 방법", "1. [상품관리 > 상품 조회] 클릭"]),
            ("순서: 1. 로그인 2. 저장", ["순서:", "1. 로그인", "2. 저장"]),
            ("먼저 ① 로그인 ② 저장", ["먼저", "① 로그인", "② 저장"]),
            ("등록됩니다. ※ 다음 날 보입니다.", ["등록됩니다.", "※ 다음 날 보입니다."]),
            ("■ 개인 □ 사업자", ["■ 개인", "□ 사업자"]),
            ("등록됩니다. ! 주의 되돌릴 수 없습니다.", ["등록됩니다.", "! 주의 되돌릴 수 없습니다."]),
            ("아래와 같습니다.· 교환·반품 비용 · 배송비", ["아래와 같습니다.", "· 교환·반품 비용", "· 배송비"]),
            ("확인합니다.- 택배사", ["확인합니다.", "- 택배사"]),
            ("자세히 보기 》 다음 안내", ["자세히 보기 》", "다음 안내"]),
            ("입력합니다. 예) 홍길동", ["입력합니다.", "예) 홍길동"]),
            ("첫째   둘째\n\n\n셋째", ["첫째", "둘째", "셋째"]),
        ],
    )
    def test_steps_notes_bullets_and_glued_sentences_get_their_lines_back(self, raw, lines):
        assert restore_lines(raw).split("\n") == lines

    @pytest.mark.parametrize(
        "text",
        [
            "2026. 3. 5. 이후 2.5% 할인, 1:1 문의는 1588-3819",
            "기간은 (1) 7일 (2) 14일입니다.",
            "수수료는 10~12)% 입니다",
            "10,000원입니다.2,000원은 별도입니다.",
            '"신청합니다."라고 표시됩니다.',
            "교환·반품·환불은 Case 1. 과 같습니다.",
            "메뉴는 [판매관리 > 1) 발송 · 관리] 입니다",
            "보호자 동의(만 14세 이상 · 만 19세 미만)가 필요합니다.",
        ],
    )
    def test_dates_numbers_and_what_stands_in_brackets_stay_on_their_line(self, text):
        assert restore_lines(text) == text

    @pytest.mark.parametrize("space", ["\n", "\t\n", "\u3000", "  "])
    def test_white_space_without_end_is_read_at_once(self, space):
        assert restore_lines(f"가{space * 50_000}나").split() == ["가", "나"]

    @given(source_text)
    def test_no_visible_character_is_lost_or_moved(self, text):
        assert visible(restore_lines(text)) == visible(text)

    @given(source_text)
    def test_no_line_is_empty_or_has_white_space_to_spare(self, text):
        assert all(
            line == " ".join(line.split()) != "" for line in restore_lines(text).split("\n") if restore_lines(text)
        )

    @given(source_text, st.text(alphabet="가다요.> 12)·※①-\xa0", min_size=1, max_size=60), source_text)
    @example("안내(", "판매관리 > 1) 2) 발송", ")")
    def test_a_menu_path_is_never_broken(self, before, path, after):
        path = " ".join(f"[{path}]".split())
        assert any(path in line for line in restore_lines(f"{before}{path}{after}").split("\n"))
