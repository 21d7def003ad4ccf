"""What a seller says of themself: an age, a kind of business, a domicile."""

import pytest

from faqchat.persona import ANYBODY, MINOR, PROPRIETOR, REGISTERED, Age, Business, Domicile, Persona
from faqchat.seller import about_the_seller, concerned, minority, persona

UNDER_14 = "만 14세 미만 미성년자"
AGED_14_TO_18 = "만 14세 이상 만 19세 미만 미성년자"


class TestAge:
    @pytest.mark.parametrize(
        ("message", "meant"),
        [
            ("저는 만 18세입니다", AGED_14_TO_18),
            ("17살인데 돼요?", AGED_14_TO_18),
            ("16 살이에요", AGED_14_TO_18),
            ("아들이 15살", AGED_14_TO_18),
            ("14세가 되면요", AGED_14_TO_18),
            ("만 13세면요", UNDER_14),
            ("12살 아이가 팔고 싶대요", UNDER_14),
            ("열여덟 살이에요", AGED_14_TO_18),
            ("열세 살이면요?", UNDER_14),
            ("열네살인데요", AGED_14_TO_18),
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
        assert minority("동생은 20살이고 저는 열일곱 살이에요") == AGED_14_TO_18
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
            about_the_seller(["저는 만 18세입니다", "정산은 언제 되나요", "개인사업자예요"])
            == f"{AGED_14_TO_18} 개인 사업자"
        )

    def test_the_latest_age_counts(self):
        assert about_the_seller(["저는 13살이에요", "아니 17살이에요"]) == AGED_14_TO_18
        assert about_the_seller(["저는 17살이에요", "아니 20살이에요"]) == ""

    def test_nothing_said_is_nothing_known(self):
        assert about_the_seller([]) == about_the_seller(["정산은 언제 되나요"]) == ""


PRIVATE, CORPORATE = Persona(business=Business.PRIVATE), Persona(business=Business.CORPORATE)
SOLE = Persona(business=PROPRIETOR)


class TestPersona:
    @pytest.mark.parametrize(
        ("message", "kind"),
        [
            ("저는 국내 개인사업자예요", Persona(Domicile.HOME, PROPRIETOR)),
            ("해외 사업자인데 정산은 언제 되나요?", Persona(Domicile.ABROAD, REGISTERED)),
            ("저는 해외에 거주 중이에요", Persona(Domicile.ABROAD)),
            ("미국에서 사업하고 있어요", Persona(Domicile.ABROAD)),
            ("국내에 사는 개인 판매자인데 서류가 필요해요?", Persona(Domicile.HOME, Business.PRIVATE)),
            ("사업자등록증이 아직 없어요", PRIVATE),
            ("개인 판매자로 가입했어요", PRIVATE),
            ("사업자등록 했어요", Persona(business=REGISTERED)),
            ("개인사업자로 운영 중이에요", SOLE),
            ("국내 법인입니다", Persona(Domicile.HOME, Business.CORPORATE)),
            ("간이과세자라서요", Persona(business=Business.SIMPLIFIED)),
            ("저는 13살이에요", Persona(age=Age.UNDER_14)),
            ("17살인데 팔 수 있나요", Persona(age=Age.UNDER_19)),
            ("35세예요", Persona(age=Age.ADULT)),
            ("미성년자예요", Persona(age=MINOR)),
            ("동생은 20살이고 저는 열일곱 살이에요", Persona(age=Age.UNDER_19)),
            ("친구가 법인인데 저는 개인사업자예요", SOLE),
        ],
    )
    def test_it_is_what_sellers_say_of_themselves(self, message, kind):
        assert persona([message]) == kind

    @pytest.mark.parametrize(
        "message",
        [
            "법인도 되나요?",
            "법인이에요?",
            "해외 사업자도 가입할 수 있나요",
            "만 13세면요",
            "사업자가 없으면 못 파나요",
            "아들이 15살인데 팔고 싶대요",
            "친구가 법인인데요",
            "고객이 해외에 살고 있어요",
            "법인카드로 결제했어요",
            "해외 배송은 어떻게 하나요",
            "사업자가 여러 개인데요",
            "개인정보를 바꾸고 싶어요",
            "사업자 전환은 어떻게 하나요",
            "정산은 언제 되나요",
        ],
    )
    def test_what_they_ask_about_or_tell_of_others_is_not(self, message):
        assert persona([message]) == ANYBODY

    @pytest.mark.parametrize(
        ("messages", "kind"),
        [
            (["저는 법인이에요", "아 저 법인 아니고 개인사업자예요"], SOLE),
            (["저는 법인이에요", "아니요, 개인사업자예요"], SOLE),
            (["해외예요", "해외 아니고 국내예요"], Persona(Domicile.HOME)),
            (["저는 13살이에요", "아니 17살이에요"], Persona(age=Age.UNDER_19)),
            (["저는 미성년자 아니에요"], Persona(age=Age.ADULT)),
            (["저는 사업자가 아니에요"], PRIVATE),
            (["저는 법인이 아니에요"], Persona(business=~Business.CORPORATE)),
        ],
    )
    def test_a_correction_wins(self, messages, kind):
        assert persona(messages) == kind

    def test_what_is_said_one_by_one_adds_up_and_is_made_more_precise(self):
        said = ["저는 사업자예요", "정산은 언제 되나요", "해외에 살고 있어요", "법인이에요", "법인은 서류가 다른가요?"]
        assert persona(said) == Persona(Domicile.ABROAD, Business.CORPORATE)


class TestCase:
    def test_a_question_that_names_nobody_is_about_the_asker(self):
        assert concerned("서류는 뭘 내요?", SOLE) == SOLE

    @pytest.mark.parametrize(
        ("question", "kind"),
        [
            ("법인도 되나요?", CORPORATE),
            ("개인이 팔아도 되나요?", PRIVATE),
            ("저는 개인사업자인데 법인은 어떤 서류를 내나요?", CORPORATE),
            ("친구가 법인인데 뭘 내요?", CORPORATE),
            ("법인 말고는요?", SOLE),
        ],
    )
    def test_the_one_that_it_names_comes_before_the_asker(self, question, kind):
        assert concerned(question, SOLE) == kind

    def test_what_it_does_not_name_stays_the_askers(self):
        asker = Persona(Domicile.HOME, PROPRIETOR, Age.UNDER_19)
        assert concerned("법인도 되나요?", asker) == Persona(Domicile.HOME, Business.CORPORATE, Age.UNDER_19)
        assert concerned("해외는요?", asker).domicile == Domicile.ABROAD

    def test_of_two_kinds_both_are_asked_about(self):
        assert concerned("개인사업자는 법인으로 바꿀 수 있나요?", PRIVATE) == ANYBODY
