"""Kinds of sellers, as the FAQ tells them apart, and the phrases that name them."""

import re
from enum import Flag, auto
from functools import reduce
from operator import or_
from typing import NamedTuple


class Domicile(Flag):
    """Where a seller is at home."""

    HOME = auto()
    ABROAD = auto()


class Business(Flag):
    """What a seller is registered as, if anything."""

    PRIVATE = auto()
    SOLE = auto()
    SIMPLIFIED = auto()
    CORPORATE = auto()


class Age(Flag):
    """The FAQ's three bands."""

    UNDER_14 = auto()
    UNDER_19 = auto()
    ADULT = auto()


class Persona(NamedTuple):
    """What a seller may be, or what kind of seller a text is about; an empty flag is nothing said."""

    domicile: Domicile = Domicile(0)
    business: Business = Business(0)
    age: Age = Age(0)

    def excludes(self, kind: "Persona") -> bool:
        """Whether this seller is certainly not of that kind."""
        return any(mine and its and not mine & its for mine, its in zip(self, kind, strict=True))

    def may_be(self, kind: "Persona") -> bool:
        """Whether this seller can be taken for one of that kind: nobody is abroad, or a minor, who did not say so."""
        abroad = kind.domicile == Domicile.ABROAD and not self.domicile
        minor = kind.age and not kind.age & Age.ADULT and not self.age
        return not (abroad or minor or self.excludes(kind))

    def surely_is(self, kind: "Persona") -> bool:
        """Whether all that is said of that kind is said of this seller, and nothing wider."""
        return all(mine and not mine & ~its for mine, its in zip(self, kind, strict=True) if its)

    def shares(self, kind: "Persona") -> bool:
        """Whether something said of this seller is said of that kind."""
        return any(mine & its for mine, its in zip(self, kind, strict=True))

    def beside(self, other: "Persona") -> "Persona":
        """What is said here that the other does not say alike."""
        return Persona(
            Domicile(0) if self.domicile == other.domicile else self.domicile,
            Business(0) if self.business == other.business else self.business,
            Age(0) if self.age == other.age else self.age,
        )

    def __str__(self) -> str:
        """In the FAQ's words; empty where nothing was said that they name."""
        return " ".join(filter(None, map(_IN_WORDS.get, self)))


ANYBODY = Persona()
PROPRIETOR = Business.SOLE | Business.SIMPLIFIED  # 개인사업자: who is taxed simply is one, too
REGISTERED = PROPRIETOR | Business.CORPORATE
MINOR = Age.UNDER_14 | Age.UNDER_19
_IN_WORDS: dict[Flag, str] = {
    Domicile.HOME: "국내",
    Domicile.ABROAD: "해외",
    Business.PRIVATE: "개인 판매자",
    Business.SIMPLIFIED: "간이과세자",
    Business.SOLE: "개인사업자",
    PROPRIETOR: "개인사업자",
    Business.CORPORATE: "법인사업자",
    REGISTERED: "사업자",
    Age.UNDER_14: "만 14세 미만",
    Age.UNDER_19: "만 14세 이상 만 19세 미만",
    MINOR: "미성년자",
    Age.ADULT: "성인",
}

_TYPE = "(?:개인|간이|일반|법인)"
_WORDS = re.compile(
    r"(?P<under_19>14세\s*(?:이상)?\s*[~∼,-]?\s*(?:만\s*)?19세\s*미만)|(?P<under_14>14세\s*미만)|(?P<minor>19세\s*미만)"
    r"|(?P<from_14>14세\s*(?:이상|부터))|(?P<adult>성인|19세\s*(?:이상|부터))"
    r"|(?P<home>국내|한국)|(?P<abroad>해외|외국)"
    rf"|(?P<types>(?P<first>{_TYPE})(?:\s*[/,·(]\s*(?!(?P=first)){_TYPE}\)?)*\s*(?:사업자|과세자?))"
    r"(?:\s*\((?P<taxed>과세|면세|일반|간이)[^)]*\))?"
    r"|(?P<any>개인\s*/\s*사업자)|(?P<corporate>법인)|(?P<registered>사업자)|(?P<private>개인)"
)
_KINDS = {
    "under_19": Persona(age=Age.UNDER_19),
    "under_14": Persona(age=Age.UNDER_14),
    "minor": Persona(age=MINOR),
    "from_14": Persona(age=Age.UNDER_19 | Age.ADULT),
    "adult": Persona(age=Age.ADULT),
    "home": Persona(Domicile.HOME),
    "abroad": Persona(Domicile.ABROAD),
    "any": Persona(business=~Business(0)),
    "corporate": Persona(business=Business.CORPORATE),
    "registered": Persona(business=REGISTERED),
    "private": Persona(business=Business.PRIVATE),
}
_TYPES = {
    "개인": PROPRIETOR,
    "간이": Business.SIMPLIFIED,
    "일반": PROPRIETOR,
    "법인": Business.CORPORATE,
}
_SIDES = re.compile(r"\s/\s|,|\s(?:및|또는)\s")
_UNIT = (
    r"(?:(?:만\s*)?1[49]세(?:\s*(?:이상|미만|부터))?|(?:법정\s*)?미성년자?|성인"
    r"|(?:국내|한국|해외|외국(?!인))(?:에서?\s*(?:사는|거주하는|살고\s*있는|있는))?|개인|간이|일반|법인|사업자|과세자?|면세|판매\s?(?:자|회원)|회원|거주자|거주하는|거주|대표자?(?!명)|가입자|포함)"
)
# A phrase that names a kind of seller: 국내 간이/개인사업자, 만 14세 이상 ~ 만 19세 미만인 판매회원
PHRASE = rf"{_UNIT}(?:[\s/,·~∼(]{{0,3}}(?:(?:및|또는|인|(?<=미만)의)\s)?{_UNIT}\)?)*"


def kind_of(phrase: str) -> Persona:
    """The kind of seller that a phrase names; nobody where it names none, or kinds of different sorts side by side."""
    first, *others = [*filter(any, map(_named, _SIDES.split(phrase))), Persona()]
    alike = all(not said or known for other in others for known, said in zip(first, other, strict=True))
    return _named(phrase) if alike else Persona()


def _named(phrase: str) -> Persona:
    domicile, business, age = Domicile(0), Business(0), Age(0)
    for word in _WORDS.finditer(phrase):
        kind = Persona(business=_taxed(word)) if word["types"] else _KINDS[str(word.lastgroup)]
        domicile, business, age = domicile | kind.domicile, business | kind.business, age | kind.age
    if not age and "미성년" in phrase:
        age = MINOR
    # who may be anything is not told apart
    return Persona(domicile if ~domicile else Domicile(0), business if ~business else Business(0), age)


def _taxed(word: re.Match[str]) -> Business:
    if word["taxed"]:
        return Business.SIMPLIFIED if word["taxed"] == "간이" else Business.SOLE
    if re.search(r"일반\s*과세", word["types"]):
        return Business.SOLE
    return reduce(or_, (_TYPES[name] for name in re.findall(_TYPE, word["types"])))
