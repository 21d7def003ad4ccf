"""Offers are Korean that a person would say, and each names the entry that answers it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.faq import Entry, faq_id
from faqchat.followups import COUNT, fold, guess, guesses, names, offer, offers, pick, starters


def entry(question, **more):
    return Entry(faq_id=faq_id(question), question=question, answer="답변입니다.", content_hash="", **more)


TITLES = [
    # a question becomes a clause
    ("송장은 어디에 입력하나요?", "송장은 어디에 입력하는지"),
    ("[배송][공통] 묶음배송이 되나요?", "묶음배송이 되는지"),
    ("출고일을 바꿀 수 있나요?", "출고일을 바꿀 수 있는지"),
    ("알림이 발송되었나요", "알림이 발송되었는지"),
    ("어떤 서류가 필요한가요?", "어떤 서류가 필요한지"),
    ("수수료율은 얼마인가요?", "수수료율은 얼마인지"),
    ("굿서비스가 뭔가요?", "굿서비스가 무엇인지"),
    ("환불이 늦어질까요?", "환불이 늦어질지"),
    ("함께 이전되는걸까요?", "함께 이전되는건지"),
    ("언제 신청하는 것이 좋나요?", "언제 신청하는 것이 좋은지"),
    ("두 메뉴는 무엇이 다르나요?", "두 메뉴는 무엇이 다른지"),
    ("번역본이 필요하나요?", "번역본이 필요한지"),
    ("교환비는 얼마인가요 ?", "교환비는 얼마인지"),
    # an aside says where, not what
    ("혜택은 어디서 보나요? (PC)", "혜택은 어디서 보는지"),
    ("혜택은 어디서 보나요? (모바일) (교육 제공)", "혜택은 어디서 보는지"),
    ("품목(SKU)은 어디서 보나요?", "품목(SKU)은 어디서 보는지"),
]
TOPICS = [
    # a wish or a request becomes its topic
    ("수수료 종류를 알고 싶어요.", "수수료 종류를"),
    ("심사 기준이 궁금합니다", "심사 기준을"),
    ("노출 범위에 대해 알고싶어요", "노출 범위를"),
    ("대출 절차를 간단하게 알려주세요.", "대출 절차를"),
    ("회수 기준을 자세히 알려 주세요", "회수 기준을"),
    ("스토어 이름을 바꾸고 싶습니다.", "스토어 이름을 바꾸는 방법을"),
    ("사전구매란 무엇인가요?", "사전구매의 뜻과 내용을"),
    ("매출분석 이란?", "매출분석의 뜻과 내용을"),
    # a heading is a topic already, and is not announced twice
    ("★ 반품 처리 방법", "반품 처리 방법을"),
    ("정산 내역 메뉴 안내", "정산 내역 메뉴를"),
    ("이용 가이드", "이용 가이드를"),
    ("예고 페이지", "예고 페이지를"),
    # what is neither is quoted
    ("계좌 인증이 안돼요.", "‘계좌 인증이 안돼요’ 관련 내용을"),
    ("화면이 열리지 않는다면?", "‘화면이 열리지 않는다면’ 관련 내용을"),
    ("입금이 늦습니다. 왜 그런가요?", "‘입금이 늦습니다’ 상황의 원인과 해결 방법을"),
    ("주문을 되돌리고 싶어요. 어떻게 하나요?", "주문을 되돌리는 방법을"),
]
SITUATIONS = [
    ("상품을 지웠습니다. 복구 가능한가요?", "‘상품을 지웠습니다’ 상황에서 복구 가능한지"),
    ("배송비를 잘못 입력했습니다. 수정되나요?", "배송비를 잘못 입력한 경우 수정되는지"),
    ("정산이 보류되었어요. 어떻게 해제할 수 있나요?", "정산이 보류된 경우 어떻게 해제할 수 있는지"),
    ("오류 창이 노출됩니다. 어떻게 해야하나요?", "오류 창이 노출되는 경우 어떻게 해야하는지"),
    ("외국인입니다. 가입할 수 있나요?", "외국인인 경우 가입할 수 있는지"),
    ("스토어를 둘 운영하고 있어요. 따로 신청하나요?", "스토어를 둘 운영하고 있는 경우 따로 신청하는지"),
    ("구매자가 주소를 바꿔달라고 합니다. 가능한가요?", "구매자가 주소를 바꿔달라고 하는 경우 가능한지"),
    ("등급을 올리고 싶어요. 무엇이 필요한가요?", "등급을 올리고 싶을 때 무엇이 필요한지"),
    ("이미 등록된 상품입니다. 라고 표시됩니다. 등록되나요?", "이미 등록된 상품입니다. 라고 표시되는 경우 등록되는지"),
    ("쿠폰은 무엇인가요? 횟수가 줄어드나요?", "쿠폰은 무엇인지"),
    ("신청을 했습니다. 결과는 심사가 끝난 뒤에 어디에서 확인하나요?", "결과는 심사가 끝난 뒤에 어디에서 확인하는지"),
]


@pytest.mark.parametrize(("title", "asked"), TITLES)
def test_a_question_is_offered_as_a_clause(title, asked):
    assert offer(entry(title)) == f"{asked} 안내해 드릴까요?"
    assert guess(entry(title)) == f"{asked} 궁금하신가요?"


@pytest.mark.parametrize(("title", "asked"), TOPICS)
def test_anything_else_is_offered_as_a_topic(title, asked):
    assert offer(entry(title)) == f"{asked} 안내해 드릴까요?"


@pytest.mark.parametrize(("title", "asked"), SITUATIONS)
def test_a_question_that_leans_on_the_sentence_before_takes_it_along(title, asked):
    assert offer(entry(title)) == f"{asked} 안내해 드릴까요?"


@pytest.mark.parametrize(
    ("noun", "object_", "subject"),
    [
        ("등록 방법", "을", "이"),
        ("이용 가이드", "를", "가"),
        ("'추가 적립'", "을", "이"),
        ("커머스 API", "를", "가"),
        ("전용 URL", "을", "이"),
        ("판매 2", "를", "가"),
        ("판매 1", "을", "이"),
        ("배송지", "를", "가"),
    ],
)
def test_particles_follow_the_last_sound(noun, object_, subject):
    assert offer(entry(noun)) == f"{noun}{object_} 안내해 드릴까요?"
    assert guess(entry(noun)) == f"{noun}{subject} 궁금하신가요?"


@given(st.text(min_size=1, max_size=80))
def test_every_title_can_be_offered(title):
    assert offer(entry(title)).endswith("안내해 드릴까요?")
    assert guess(entry(title)).endswith("궁금하신가요?")


class TestNames:
    def test_an_entry_is_named_by_its_question_title_offer_and_guess(self):
        one = entry("[배송] 묶음배송이 되나요?")
        texts = (
            "[배송] 묶음배송이 되나요?",
            "묶음배송이 되나요",
            "묶음배송이 되는지 안내해드릴까요?",
            "묶음 배송이 되는지 궁금하신가요",
        )
        assert {names([one, entry("이용 가이드")])[fold(text)] for text in texts} == {one.faq_id}

    def test_a_text_that_could_be_two_entries_names_neither(self):
        twins = [entry("[개인] 특별 한도는 무엇인가요?"), entry("[사업자] 특별 한도는 무엇인가요?")]
        named = names(twins)
        assert fold("특별 한도는 무엇인가요?") not in named
        assert named[fold("[사업자] 특별 한도는 무엇인가요?")] == twins[1].faq_id

    def test_a_third_of_the_same_name_does_not_get_it_back(self):
        assert fold("특별 한도") not in names([entry(f"[{tag}] 특별 한도") for tag in ("가", "나", "다")])

    def test_marks_alone_name_nothing(self):
        assert "" not in names([entry("???")])


class TestPick:
    ENTRIES = (
        entry("송장 번호는 어디에 입력하나요?"),
        entry("송장 번호는 어디에서 입력하나요?"),
        entry("정산 주기가 궁금해요"),
        entry("쿠폰 발급 한도"),
        entry("라이브 예고 화면"),
    )

    def test_the_first_come_first_and_alike_ones_come_once(self):
        assert pick(self.ENTRIES, avoid=()) == [self.ENTRIES[0], *self.ENTRIES[2:4]]
        assert len(pick(self.ENTRIES, avoid=())) == COUNT

    def test_what_was_answered_is_not_offered_nor_what_is_like_it(self):
        assert pick(self.ENTRIES, avoid={self.ENTRIES[2].faq_id}, near=self.ENTRIES[:1]) == list(self.ENTRIES[3:])

    def test_an_entry_is_offered_once(self):
        assert pick(self.ENTRIES[2:3] * 3, avoid=()) == [self.ENTRIES[2]]

    def test_nothing_to_choose_from_offers_nothing(self):
        assert pick([], avoid=()) == []


def test_offers_and_guesses_carry_the_id_of_the_entry_that_answers_them():
    one = entry("이용 가이드")
    assert [(said.faq_id, said.text) for said in (*offers([one], names([one])), *guesses([one], names([one])))] == [
        (one.faq_id, "이용 가이드를 안내해 드릴까요?"),
        (one.faq_id, "이용 가이드가 궁금하신가요?"),
    ]


def test_an_offer_whose_title_another_entry_has_too_names_its_tags():
    plain, group = entry("카탈로그 등록 방법"), entry("[그룹상품] 카탈로그 등록 방법", tags=("그룹상품",))
    named = names([plain, group])
    offered = offers([plain, group], named)
    assert [(said.faq_id, said.text) for said in offered] == [
        (plain.faq_id, "카탈로그 등록 방법을 안내해 드릴까요?"),
        (group.faq_id, "[그룹상품] 카탈로그 등록 방법을 안내해 드릴까요?"),
    ]
    assert [named[fold(said.text)] for said in offered] == [plain.faq_id, group.faq_id]


def test_a_conversation_starts_from_what_editors_link_to_most():
    first, linked, other = entry("이용 가이드"), entry("정산 주기가 궁금해요"), entry("쿠폰 발급 한도")
    pointing = [entry(f"{word} 안내", related=(linked.faq_id, "f" * 12)) for word in ("반품", "교환")]
    begun = starters({each.faq_id: each for each in (first, *pointing, linked, other)})
    assert begun[0] == linked
    assert len(begun) == COUNT
