"""Kinds of sellers: which a phrase names, and who is of which."""

import pytest

from faqchat.persona import ANYBODY, MINOR, PROPRIETOR, REGISTERED, Age, Business, Domicile, Persona, kind_of

HOME, ABROAD = Domicile.HOME, Domicile.ABROAD
NO_PLACE, NO_BUSINESS = Domicile(0), Business(0)


class TestPhrase:
    @pytest.mark.parametrize(
        ("phrase", "kind"),
        [
            ("국내 개인판매회원", Persona(HOME, Business.PRIVATE)),
            ("해외 거주 판매자", Persona(ABROAD)),
            ("국내 간이/개인사업자", Persona(HOME, PROPRIETOR)),
            ("간이·개인사업자", Persona(business=PROPRIETOR)),
            ("개인(간이) 사업자", Persona(business=PROPRIETOR)),
            ("개인사업자(과세)", Persona(business=Business.SOLE)),
            ("개인사업자(간이)", Persona(business=Business.SIMPLIFIED)),
            ("일반과세자", Persona(business=Business.SOLE)),
            ("일반사업자", Persona(business=PROPRIETOR)),
            ("간이과세자", Persona(business=Business.SIMPLIFIED)),
            ("개인사업자(일반)·법인", Persona(business=Business.SOLE | Business.CORPORATE)),
            ("개인/법인 사업자", Persona(business=REGISTERED)),
            ("사업자 판매회원", Persona(business=REGISTERED)),
            ("만 14세 미만", Persona(age=Age.UNDER_14)),
            ("만 14세 이상 ~ 만 19세 미만", Persona(age=Age.UNDER_19)),
            ("만 14세 이상 19세 미만 판매자", Persona(age=Age.UNDER_19)),
            ("법정 미성년자(만 14세~ 만 19세 미만)", Persona(age=Age.UNDER_19)),
            ("미성년자", Persona(age=MINOR)),
            ("만 19세 미만", Persona(age=MINOR)),
            ("만 19세 이상", Persona(age=Age.ADULT)),
            ("성인 개인 판매자", Persona(business=Business.PRIVATE, age=Age.ADULT)),
        ],
    )
    def test_it_names_a_kind(self, phrase, kind):
        assert kind_of(phrase) == kind

    @pytest.mark.parametrize("phrase", ["국내/해외 판매자", "개인/사업자", "판매자", ""])
    def test_who_may_be_anything_is_nobody_in_particular(self, phrase):
        assert kind_of(phrase) == ANYBODY

    @pytest.mark.parametrize("phrase", ["사업자 / 해외거주 판매자", "개인 판매회원 및 해외사업자"])
    def test_alternatives_of_different_sorts_are_no_one_kind(self, phrase):
        assert kind_of(phrase) == ANYBODY

    def test_alternatives_of_one_sort_are(self):
        assert kind_of("국내사업자 및 해외 사업자") == Persona(business=REGISTERED)


class TestSeller:
    CORPORATION = Persona(business=Business.CORPORATE)

    def test_a_seller_is_not_what_shares_nothing_with_what_was_said(self):
        assert self.CORPORATION.excludes(Persona(business=PROPRIETOR))
        assert not self.CORPORATION.excludes(Persona(HOME))
        assert not ANYBODY.excludes(self.CORPORATION)

    def test_nobody_is_abroad_or_a_minor_without_saying_so(self):
        assert self.CORPORATION.may_be(Persona(HOME, Business.CORPORATE))
        assert not self.CORPORATION.may_be(Persona(ABROAD, Business.CORPORATE))
        assert not self.CORPORATION.may_be(Persona(age=MINOR))
        assert Persona(ABROAD).may_be(Persona(ABROAD, Business.CORPORATE))

    @pytest.mark.parametrize(
        ("seller", "words"),
        [
            (Persona(ABROAD, REGISTERED), "해외 사업자"),
            (Persona(HOME, Business.PRIVATE, Age.UNDER_14), "국내 개인 판매자 만 14세 미만"),
            (Persona(business=~Business.CORPORATE), ""),
            (ANYBODY, ""),
        ],
    )
    def test_it_reads_as_the_faq_words_it(self, seller, words):
        assert str(seller) == words
