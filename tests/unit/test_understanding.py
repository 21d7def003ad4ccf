"""What a message means: alone, as the continuation of what came before, and with what the seller said of themself."""

import pytest

from faqchat.conversation import Turn
from faqchat.events import Source
from faqchat.index import Query
from faqchat.understanding import NAMED_WEIGHT, REWRITE_WEIGHT, TITLE_WEIGHT, understand

MINOR = "만 14세 이상 만 19세 미만 미성년자"


def turn(message, source=None):
    sources = (Source(faq_id="0" * 12, question=source, score=1.0, excerpt=""),) if source else ()
    return Turn(session_id="A" * 32, turn_id="0123", message=message, sources=sources)


SHIPPING = turn("송장을 잘못 적었어요", "[배송] 송장번호는 어떻게 수정하나요?")


def texts(message, *turns):
    return [query.text for query in understand(message, turns).queries]


class TestFirstMessage:
    def test_it_is_searched_as_it_is(self):
        meant = understand("정산은 언제 되나요", ())
        assert meant.queries == (Query("정산은 언제 되나요"),)
        assert (meant.text, meant.alone, meant.leans) == ("정산은 언제 되나요", "정산은 언제 되나요", False)

    def test_an_age_says_it_in_the_words_of_the_faq_as_well(self):
        assert texts("17살인데 판매할 수 있나요") == [f"17살인데 판매할 수 있나요 {MINOR}"]

    @pytest.mark.parametrize(
        "message", ["네 알겠습니다. 정산은 언제 되나요", "아, 정산은 언제 되나요", "감사합니다! 정산은 언제 되나요"]
    )
    def test_an_acknowledgement_in_front_is_not_searched(self, message):
        assert texts(message) == ["정산은 언제 되나요"]

    @pytest.mark.parametrize(
        "message", ["음식도 팔 수 있나요", "네이버페이 정산은요", "오늘출발은 어떻게 켜나요", "예약구매가 뭔가요"]
    )
    def test_a_word_that_only_begins_like_one_is(self, message):
        assert texts(message) == [message]

    @pytest.mark.parametrize(
        ("message", "searched"),
        [
            ("스마트스토어 정산은 언제 되나요", "정산은 언제 되나요"),
            ("네이버 스마트 스토어센터에서 송장 수정은요", "송장 수정은요"),
            ("쿠폰 말고 포인트 적립은요?", "포인트 적립은요?"),
        ],
    )
    def test_the_products_own_name_and_what_is_excluded_do_not_pull(self, message, searched):
        assert texts(message) == [searched]

    @pytest.mark.parametrize(
        "ending",
        [
            " 알려주세요.",
            " 좀 알려 줘요",
            " 가르쳐주실 수 있나요?",
            " 알려주시면 감사하겠습니다!",
            " 궁금합니다~",
            " 알고 싶습니다",
            " 문의드립니다.",
            " 답변 부탁드려요",
            " 알려주세요 부탁드립니다",
        ],
    )
    def test_how_a_request_ends_does_not_pull(self, ending):
        assert texts(f"정산일 바꾸는 방법{ending}") == ["정산일 바꾸는 방법"]
        assert texts(f"정산일 바꾸는 방법{ending} 급해서요") == ["정산일 바꾸는 방법 급해서요"]

    @pytest.mark.parametrize(
        "message",
        [
            "구매자에게 꼭 알려줘야 하나요",
            "고객 문의합계는 어디서 봐요",
            "품절을 안내해주는 기능",
            "알려주세요",
            "쿠폰 말고,",
        ],
    )
    def test_what_only_looks_like_such_an_ending_is_kept(self, message):
        assert texts(message) == [message]

    def test_the_products_own_name_is_searched_behind_and_counts_less(self):
        assert understand("스마트스토어 탈퇴 알려주세요", ()).searches == (
            Query("탈퇴"),
            Query("스마트스토어 탈퇴", NAMED_WEIGHT),
        )

    @pytest.mark.parametrize("message", ["스마트스토어란?", "스스가 뭐죠", "스마트스토어센터"])
    def test_a_message_of_little_but_the_name_keeps_it(self, message):
        assert understand(message, ()).searches == (Query(message),)


class TestLaterMessage:
    def test_it_is_searched_alone_and_behind_what_was_asked_and_what_answered_it(self):
        meant = understand("이미 보냈으면요?", [turn("정산은 언제 되나요"), SHIPPING])
        assert meant.queries == (
            Query("이미 보냈으면요?"),
            Query("송장을 잘못 적었어요 이미 보냈으면요?"),
            Query("[배송] 송장번호는 어떻게 수정하나요? 이미 보냈으면요?", TITLE_WEIGHT),
        )
        assert (meant.alone, meant.text) == ("이미 보냈으면요?", "송장을 잘못 적었어요 이미 보냈으면요?")

    def test_a_rewrite_is_searched_last_and_counts_most_and_the_message_alone_stays_first(self):
        by_rule = understand("이미 보냈으면요?", [turn("정산은 언제 되나요"), SHIPPING])
        meant = by_rule._replace(rewritten="보낸 뒤에도 송장을 고칠 수 있나요?")
        assert by_rule.searches == by_rule.queries
        assert meant.searches == (*by_rule.queries, Query("보낸 뒤에도 송장을 고칠 수 있나요?", REWRITE_WEIGHT))
        assert (meant.alone, meant.text) == ("이미 보냈으면요?", "보낸 뒤에도 송장을 고칠 수 있나요?")
        assert max(query.weight for query in by_rule.queries) < REWRITE_WEIGHT
        assert sum(query.weight for query in by_rule.queries) > REWRITE_WEIGHT

    def test_without_an_answer_there_is_no_title_to_continue(self):
        assert texts("이미 보냈으면요?", turn("송장을 잘못 적었어요")) == [
            "이미 보냈으면요?",
            "송장을 잘못 적었어요 이미 보냈으면요?",
        ]

    @pytest.mark.parametrize(
        "message",
        [
            "그건 그렇고 정산은 언제 되나요",
            "그 얘기는 됐고요, 정산은 언제 되나요",
            "다른 질문이요. 정산은 언제 되나요",
            "아무튼 정산은 언제 되나요",
            "네 감사합니다. 그나저나 정산은 언제 되나요",
        ],
    )
    def test_a_marked_change_of_topic_leaves_the_past_behind(self, message):
        assert texts(message, SHIPPING) == ["정산은 언제 되나요"]

    def test_a_marker_with_nothing_behind_it_does_not(self):
        assert len(texts("그건 그렇고", SHIPPING)) == 3

    @pytest.mark.parametrize(
        "message",
        [
            "법인은요?",
            "그럼 반품은 어떻게 하나요",
            "그 경우 수수료가 있나요",
            "이때 취소도 되나요",
            "거기서 취소도 되나요",
            "엑셀로도요?",
            "토요일까지는요",
        ],
    )
    def test_a_fragment_or_what_points_back_leans_on_the_past(self, message):
        assert understand(message, [SHIPPING]).leans

    @pytest.mark.parametrize("message", ["정산은 언제 되나요", "오늘 날씨 어때", "쿠폰 발급 한도를 알려주세요"])
    def test_a_whole_sentence_does_not(self, message):
        assert not understand(message, [SHIPPING]).leans

    def test_what_was_told_stays_and_what_was_asked_is_over(self):
        past = [turn("오늘출발로 팔고 있어요"), turn("반품은 누가 내나요?"), turn("어제 쉬었더니")]
        assert understand("벌점 몇 점이에요?", past).text == "오늘출발로 팔고 있어요 어제 쉬었더니 벌점 몇 점이에요?"

    def test_a_marked_change_of_topic_ends_what_was_told_before(self):
        past = [turn("오늘출발로 팔고 있어요"), turn("그건 그렇고 쿠폰을 만들었어요"), turn("어제부터요")]
        assert "오늘출발" not in understand("왜 안 보이나요?", past).text

    def test_the_last_sentence_is_what_is_asked(self):
        assert (
            understand("서류는 다 냈습니다. 심사는 며칠이나 걸리나요?", [SHIPPING]).alone == "심사는 며칠이나 걸리나요?"
        )
        assert understand("제일 높은 것만 쓸게요. 돼요?", [SHIPPING]).alone == "제일 높은 것만 쓸게요. 돼요?"

    def test_the_topic_is_that_of_the_last_question(self):
        asked = turn("정산은 언제 되나요?", "정산 주기 안내")
        assert texts("수수료는요?", asked, turn("네 그렇군요", "수수료의 종류"))[-1] == "정산 주기 안내 수수료는요?"

    def test_who_asks_on_wants_another_entry_and_who_told_something_may_want_the_same(self):
        question, told = turn("송장은 어떻게 고치나요?", "송장 수정"), turn("송장을 잘못 적었어요", "송장 수정")
        assert understand("교환 건은요?", [question]).answered == question.sources[0].faq_id
        assert understand("어떻게 하죠?", [told]).answered is None

    def test_it_is_heard_that_smartstore_is_named(self):
        assert understand("스마트스토어 가입 방법은?", ()).named
        assert not understand("회원 가입 방법은?", ()).named
        assert not understand("스마트스토어 말고 다른 쇼핑몰 가입 방법은?", ()).named

    @pytest.mark.parametrize("message", ["그거 빼고 싶은데 어디서 하나요", "그거 빼고 싶어요"])
    def test_wanting_something_removed_is_no_new_topic(self, message):
        assert understand(message, [SHIPPING]).alone == message

    def test_what_the_seller_said_of_themself_is_searched_with_every_message(self):
        meant = understand("어떤 서류가 필요해요", [turn("저는 만 18세입니다"), turn("가입하려고요")])
        assert meant.alone == f"어떤 서류가 필요해요 {MINOR}"
        assert meant.text == f"저는 만 18세입니다 가입하려고요 어떤 서류가 필요해요 {MINOR}"
