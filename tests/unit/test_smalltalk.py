"""Greetings, thanks and questions about the bot are answered as such, and no seller's question is taken for one."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.scope import scope_banks
from faqchat.smalltalk import ABILITIES, GREETING, THANKS, accepts_offer, reply, too_vague, without_greeting

UTTERANCES = Path(__file__).parents[2] / "local/data/utterances.jsonl"

GREETINGS = [
    "안녕",
    "안녕하세요!",
    "안녕하십니까",
    "하이하이",
    "ㅎㅇㅎㅇ",
    "반가워요~",
    "헬로",
    "Hi",
    "Good morning",
    "저기요?",
    "좋은 아침입니다",
    "처음 뵙겠습니다 ^^",
    "네 안녕하세요 챗봇님",
    "안녕하세요 반갑습니다",
]
THANKED = [
    "감사합니다",
    "감사해요 ㅎㅎ",
    "정말 고마워요!",
    "고맙습니다~",
    "ㄱㅅ",
    "땡큐",
    "thank you",
    "수고하세요",
    "네 알겠습니다",
    "도움이 많이 됐어요",
    "잘 알겠습니다 감사합니다",
    "이해했어요 고맙습니다",
    "네네 감사합니다 수고하세요~",
]
ABOUT_THE_BOT = [
    "뭘 할 수 있어?",
    "어떤 걸 물어볼 수 있나요?",
    "너는 누구야",
    "넌 뭐야",
    "챗봇은 누구예요",
    "자기소개 해줘",
    "안녕하세요, 무슨 일을 도와주나요?",
    "뭐부터 물어보면 돼요",
    "여기서 뭘 물어볼 수 있어요?",
    "챗봇 사용법",
    "무슨 질문을 하면 돼요?",
    "상담 되나요?",
    "누구세요?",
    "이용 방법 좀 알려주세요. 아무거나 물어봐도 되나요",
]

QUESTIONS = [
    # they begin like a greeting or like thanks
    "안녕하세요 정산은 언제 되나요?",
    "안녕하세요 반품은요?",
    "하이라이트는 몇 개까지 만들어요",
    "하이퍼링크를 상세에 넣어도 되나요",
    "헬로카봇 완구 팔아도 되나요",
    "네이버페이 포인트는 누가 내나요",
    "네 개 묶음 상품 등록",
    "감사 쿠폰은 어떻게 만드나요",
    "고마운 분께 선물 주문",
    "수고비 정산",
    "수고하세요 그런데 송장은요?",
    "도움이 되었나요 문구를 지우고 싶어요",
    "도움말은 어디 있나요",
    "이해했는데 그럼 반품비는요",
    "잘 알려주세요 정산일",
    # they ask what something else can do
    "통계 메뉴에서 뭘 할 수 있나요?",
    "매니저 권한으로는 무엇을 할 수 있나요",
    "쇼핑챗봇은 뭐예요",
    "쇼핑챗봇 사용법",
    "페널티를 받으면 뭘 해야 되나요",
    "고객이 톡톡으로 어떤 걸 물어볼 수 있나요",
    "고객센터 상담 가능 시간",
    "전화 상담 가능한가요",
    "자기소개서 첨삭해줘",
    # they are short
    "정산",
    "수수료",
    "반품비는요?",
    "아이디 찾기",
    "오류",
]


@pytest.mark.parametrize("message", GREETINGS)
def test_a_greeting_is_greeted(message):
    assert reply(message) == GREETING


@pytest.mark.parametrize("message", THANKED)
def test_thanks_are_acknowledged(message):
    assert reply(message) == THANKS


@pytest.mark.parametrize("message", ABOUT_THE_BOT)
def test_who_asks_about_the_bot_is_told_what_it_can_do(message):
    assert reply(message) == ABILITIES


@pytest.mark.parametrize("message", QUESTIONS)
def test_a_question_is_none_of_these(message):
    assert reply(message) is None


def test_no_question_that_sellers_are_known_to_ask_is_taken_for_small_talk():
    lines = map(json.loads, UTTERANCES.read_text("utf-8").splitlines())
    asked = [*(text for line in lines for text in line["utterances"]), *scope_banks()["in_scope"]]
    assert [message for message in asked if reply(message) or accepts_offer(message)] == []
    assert [message for message in asked if without_greeting(message) != message] == []


class TestWithoutGreeting:
    @pytest.mark.parametrize(
        ("message", "question"),
        [
            ("안녕하세요, 정산은 언제 되나요?", "정산은 언제 되나요?"),
            ("안녕하세요정산은언제되나요", "정산은언제되나요"),
            ("안녕하세요 챗봇님~ 반품은요", "반품은요"),
            ("저기요 배송비 설정은요", "배송비 설정은요"),
            ("Hello! API 연동이요", "API 연동이요"),
        ],
    )
    def test_the_question_behind_it_is_left(self, message, question):
        assert without_greeting(message) == question

    @pytest.mark.parametrize(
        "question",
        [
            "아이디 찾기",
            "오늘출발 설정",
            "네이버페이 정산",
            "음식 등록",
            "정말 무료인가요",
            "너무 늦은 배송",
            "님비",
            "챗봇 연결",
        ],
    )
    def test_nothing_is_bitten_off_the_question(self, question):
        assert without_greeting(f"안녕하세요 {question}") == question

    @pytest.mark.parametrize(
        "message", ["하이라이트 관리", "헬로키티 상품", "history 보기", "반가움 이벤트", "정산은요"]
    )
    def test_a_word_that_only_begins_like_a_greeting_stays(self, message):
        assert without_greeting(message) == message

    def test_a_message_that_is_a_greeting_stays_one(self):
        assert without_greeting("안녕하세요!") == "안녕하세요!"


class TestAcceptsOffer:
    @pytest.mark.parametrize(
        "message",
        [
            "네",
            "네네",
            "넵!",
            "예 부탁드려요",
            "응",
            "ㅇㅇ",
            "좋아요",
            "그래",
            "ok",
            "네, 안내해 주세요.",
            "알려줘",
            "설명해 주실래요",
            "궁금합니다",
            "네 그거 알려주세요",
            "그것도 알려줘요",
            "넵 안내 부탁드립니다",
            "네 그렇게 해주세요",
            "오케이 좋아요",
        ],
    )
    def test_a_bare_yes_or_please_does(self, message):
        assert accepts_offer(message)

    @pytest.mark.parametrize(
        "message",
        [
            "",
            " ",
            "...",
            "!!",
            "네?",
            "아니요",
            "괜찮아요",
            "네이버",
            "예약구매",
            "어떻게요",
            "좋아요 버튼이 안 보여요",
            "네 그런데 반품은요",
            "정산 알려주세요",
            "응답률이 뭐예요",
            "그래도 안 되면요",
            "안내 문구",
        ],
    )
    def test_anything_else_does_not(self, message):
        assert not accepts_offer(message)


class TestTooVague:
    @pytest.mark.parametrize(
        "message",
        [
            "절차를 알려줘",
            "방법 좀",
            "어떻게 해요?",
            "문의드립니다",
            "질문 있어요",
            "오류가 나요",
            "궁금한 게 있어요",
            "스마트 스토어 이용 방법",
            "안돼요ㅠㅠ",
            "뭐가 문제인가요",
            "네",
            "?",
            "판매자 메뉴 안내",
        ],
    )
    def test_words_that_fit_any_question_are(self, message):
        assert too_vague(message)

    @pytest.mark.parametrize(
        "message",
        [
            "수수료",
            "수수료 알려줘",
            "가입 방법",
            "이용료",
            "정산",
            "도착",
            "환불은요",
            "가격 수정",
            "판매자 정보 수정",
            "이의제기",
            "재고",
            "도메인",
            "알림 오류",
            "매니저",
            "kc 인증",
            "qna",
            "서비스이용료는 얼마나 되나요",
            "가입 절차를 알려줘",
        ],
    )
    def test_a_topic_is_not_however_short(self, message):
        assert not too_vague(message)

    def test_a_long_message_has_been_explained(self):
        assert not too_vague("방법 절차 안내 " * 5)


def judge(message):
    """Everything that is asked of a message, in seconds."""
    began = time.perf_counter()
    for rule in (reply, without_greeting, accepts_offer, too_vague):
        rule(message)
    return time.perf_counter() - began


@pytest.mark.parametrize(
    "word", ["네", "응", "아", "해요", "줘요", "잘알겠", "안녕", "님", "그럼", "ㅎ", "감사", "챗봇"]
)
@pytest.mark.parametrize("count", [9, 25, 600])
def test_a_word_that_goes_on_for_ever_is_judged_at_once(word, count):
    assert judge(f"{word * count}x") < 1


@given(
    st.lists(
        st.sampled_from(["네", "아", "해요", "줘요", "안녕", "감사", "ㅎ", "잘알겠", "혹시", "x", " "]), max_size=600
    )
)
def test_any_message_is_judged_at_once(pieces):
    assert judge("".join(pieces)) < 1
