"""What a seller says of themself: an age, a kind of business, a domicile."""

import pytest

from faqchat.seller import about_the_seller, minority

UNDER_14 = "만 14세 미만 미성년자"
MINOR = "만 14세 이상 만 19세 미만 미성년자"


class TestAge:
    @pytest.mark.parametrize(
        ("message", "meant"),
        [
            ("저는 만 18세입니다", MINOR),
            ("17살인데 돼요?", MINOR),
            ("16 살이에요", MINOR),
            ("아들이 15살", MINOR),
            ("14세가 되면요", MINOR),
            ("만 13세면요", UNDER_14),
            ("12살 아이가 팔고 싶대요", UNDER_14),
            ("열여덟 살이에요", MINOR),
            ("열세 살이면요?", UNDER_14),
            ("열네살인데요", MINOR),
            ("열 살이에요", UNDER_14),
            ("만 19세입니다", ""),
            ("스물세 살이에요", ""),
            ("35세예요", ""),
        ],
    )
    def test_it_is_a_minors_or_nothing_special(self, message, meant):
        assert minority(message) == meant

    @pytest.mark.parametrize(
        "message",
        [
            "3세트 묶음 상품을 등록해요",
            "12세트 팔아요",
            "10세 이상 완구 등록",
            "13세 이하 어린이제품 인증",
            "14세~18세 의류",
            "12세용 자전거",
            "12 세금계산서 발행",
            "15세대 노트북",
            "99살균 제품",
            "100세 시대",
            "2.15세",
            "열다섯 개 상품 등록",
            "열쇠 세트",
            "정산은 언제 되나요",
        ],
    )
    def test_a_number_of_something_else_is_none(self, message):
        assert minority(message) == ""

    def test_the_later_of_two_ages_counts(self):
        assert minority("동생은 20살이고 저는 열일곱 살이에요") == MINOR
        assert minority("열일곱 살 때 시작해서 지금 20살이에요") == ""


class TestSeller:
    @pytest.mark.parametrize(
        ("message", "fact"),
        [
            ("저는 해외 거주 중이에요", "해외 사업자"),
            ("외국 법인이 가입해도 되나요", "해외 사업자"),
            ("저희는 법인입니다", "법인 사업자"),
            ("법인 사업자인데요", "법인 사업자"),
            ("개인사업자예요", "개인 사업자"),
            ("사업자등록증이 아직 없어요", "개인 판매자"),
            ("사업자는 안 냈어요", "개인 판매자"),
            ("간이과세자인데요", "간이과세자"),
        ],
    )
    def test_what_a_seller_is_is_said_in_the_words_of_the_faq(self, message, fact):
        assert fact in about_the_seller([message])

    @pytest.mark.parametrize(
        "message",
        [
            "법인카드로 결제했어요",
            "법인으로 바꾸고 싶어요",
            "해외 배송비 설정",
            "사업자등록번호는 어디서 보나요",
            "간이 영수증 발급",
        ],
    )
    def test_what_a_seller_asks_about_is_not_what_they_are(self, message):
        assert about_the_seller([message]) == ""

    def test_what_one_is_not_does_not_count(self):
        assert about_the_seller(["개인사업자 아니고 법인이에요"]) == "법인 사업자"

    def test_facts_of_all_messages_add_up(self):
        assert (
            about_the_seller(["저는 만 18세입니다", "정산은 언제 되나요", "개인사업자예요"]) == f"{MINOR} 개인 사업자"
        )

    def test_the_latest_age_counts(self):
        assert about_the_seller(["저는 13살이에요", "아니 17살이에요"]) == MINOR
        assert about_the_seller(["저는 17살이에요", "아니 20살이에요"]) == ""

    def test_nothing_said_is_nothing_known(self):
        assert about_the_seller([]) == about_the_seller(["정산은 언제 되나요"]) == ""
