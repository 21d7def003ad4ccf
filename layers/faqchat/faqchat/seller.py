"""Who asks: what sellers say of themselves, by rule; as words for the search, and as a persona for the answer."""

import re
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_, itemgetter
from typing import NamedTuple, TypeVar

from faqchat.persona import PHRASE, REGISTERED, Age, Business, Domicile, Persona, kind_of

# An age that somebody has: what follows is a particle or ends the word. 3세트, 세금 and "10세 이상 완구" are none.
_AGE = re.compile(
    r"(?:(?<![\d.~])(\d{2})\s*(?:세|살)|(?<![가-힣])열\s*(한|두|세|네|다섯|여섯|일곱|여덟|아홉)?\s*살)"
    r"(?=[이인입예가도라면지는은에의여밖된됐을를]|[^가-힣]|$)(?!\s*(?:이상|이하|미만|초과|부터|까지|이용|용|~))"
)
_UNITS = ("한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_MINORITY = {Age.UNDER_14: "만 14세 미만 미성년자", Age.UNDER_19: "만 14세 이상 만 19세 미만 미성년자"}
_SELF = r"(?:저는|전|저희는?|우리는?|제가|나는|난|저도)\s*(?:\S+\s+){0,3}?"
_SAID = r"\s*(?:이에요|예요|이예요|입니다|이라서?|인데요?|이고요?|이거든요|거든요|이라|로서)"
_SELLER_TYPES = (
    (
        re.compile(r"(?:해외|외국)\s*(?:사업자|판매자|법인|거주)|(?:에서|에)\s*(?:살|거주)[가-힣]*\s*(?:해외|외국)"),
        "해외 사업자",
    ),
    (re.compile(rf"(?:{_SELF})?법인(?:\s*(?:사업자|대표))?{_SAID}"), "법인 사업자"),
    (re.compile(rf"(?:{_SELF})?개인\s*사업자{_SAID}"), "개인 사업자"),
    (
        re.compile(r"사업자\s*(?:등록증?)?(?:은|는|이|가|도)?\s*(?:아직\s*)?(?:없|안\s*(?:했|냈)|못\s*(?:했|냈))"),
        "개인 판매자",
    ),
    (re.compile(rf"(?:{_SELF})?간이\s*과세자?{_SAID}"), "간이과세자"),
)

# How the phrase for a kind of seller goes on: denied, said of oneself, or asked about.
_DENIED = r"\s*(?:이|가|은|는|도)?\s*(?:아니|아닙|아님|아닌|말고|빼고)"
_STATED = (
    r"\s*(?:중\s*)?(?:이?(?:에요|예요)(?!\s*\?)|입니다|인데|이?라(?:서요?)?(?![가-힣])|이?(?:거든요|고요|지만)|로서"
    r"|이?고(?=[\s,.])|이며|으?로\s*(?:가입|등록|운영|판매)[가-힣]*\s*(?:했|하고\s*있|되어\s*있|돼\s*있|중))"
)
_ASKED = (
    r"(?:(?:은|는|도|이|(?<!개인)가|면|이면|라면|이라면|여도|이어도|라도|이라도|로|으로|에게|한테|만|이나)요?|의\s*경우[가-힣]*"
    r"|[인일]\s*(?:경우|때)[가-힣]*)(?=[\s?.,!~]|$)"
)
_NAMED = re.compile(
    rf"(?<![가-힣])(?P<kind>{PHRASE})(?:님|들)?(?:(?P<denied>{_DENIED})|(?P<stated>{_STATED})|(?P<asked>{_ASKED})"
    r"|(?=\s|[?.,]|$))"
)
# Alone these are more often the first word of a thing, or where goods go.
_BARE = re.compile(r"사업자|개인|법인|일반|간이|면세|대표자?|회원|판매\s?(?:자|회원)|거주자?")
_PLACE = re.compile(r"국내|한국|해외|외국")
_LIVES = re.compile(
    r"(?:(국내|한국)|해외|외국|미국|일본|중국|홍콩|대만|베트남|태국|영국|독일|프랑스|호주|캐나다|싱가포르)"
    r"(?:에서?\s*(?:살고|살아|삽니다|거주|사업|운영)|\s*거주\s*중|\s*거주하|\s*(?:법인|사업자|회사)(?:이에요|예요|입니다|인데))"
)
_UNREGISTERED = re.compile(
    r"사업자\s*(?:등록증?)?(?:은|는|이|가|도|을|를)?\s*(?:아직\s*)?(?:없|안\s*(?:했|냈)|못\s*(?:했|냈))(으면|어도|이|는|나|을)?"
)
_REGISTRATION = re.compile(r"사업자\s*(?:등록증?)?(?:은|는|이|가|도|을|를)?\s*(?:있|했|냈|마쳤)(으면|어도|는|나|을)?")
# Of whom a message tells something, where it is not the seller.
_OTHERS = re.compile(
    r"(?<![가-힣])(?:아들|딸|아이|애|동생|형|누나|오빠|언니|조카|친구|지인|남편|아내|부모님?|엄마|아빠|어머니|아버지|고객|구매자|손님|거래처|상대방?"
    r"|양수인|양도인|학생|직원)(?:이|가|은|는|께서|도|네)?(?:\s|$)"
)
_HYPOTHETICAL = re.compile(r"\s*(?:이?면|이?라면|이?라도|이?어도|여도|[이가]?\s*(?:되면|돼도)|의|에|도\s|은|는)")
_CLAUSE_END = re.compile(r"[.?!,]|(?:고|데|지만|며)\s")
FRAGMENT_CHARS = 8  # 해외는요? in a conversation can only be about sellers

_Value = TypeVar("_Value", Domicile, Business, Age)


class _Mention(NamedTuple):
    kind: Persona
    stated: bool = False  # rather than asked about
    foreign: bool = False  # of somebody else
    denied: bool = False


def about_the_seller(messages: Sequence[str]) -> str:
    """What the seller said of themself, in the FAQ's words; the latest age counts."""
    age = minority(next((message for message in reversed(messages) if _AGE.search(message)), ""))
    types = (meaning for pattern, meaning in _SELLER_TYPES if any(map(pattern.search, messages)))
    return " ".join(filter(None, (age, *types)))


def minority(message: str) -> str:
    """The FAQ's words for an age that makes a seller a minor; empty for any other message."""
    bands = [_band(age) for age in _AGE.finditer(message)]
    return _MINORITY.get(bands[-1], "") if bands else ""


def _band(age: re.Match[str]) -> Age:
    digits, name = age.groups()
    years = int(digits) if digits else 10 + (_UNITS.index(name) + 1 if name else 0)
    return Age.UNDER_14 if years < 14 else Age.UNDER_19 if years < 19 else Age.ADULT


def persona(messages: Sequence[str]) -> Persona:
    """What the seller is by all their messages; what was said last counts."""
    known = Persona()
    for message in messages:
        for mention in _mentions(message):
            if (mention.stated or mention.denied) and not mention.foreign:
                known = _corrected(known, mention)
    return known


def concerned(question: str, asker: Persona) -> Persona:
    """Whose case a question is about: the one it names, and else the asker's own."""
    mentions = [mention for mention in _mentions(question) if not mention.denied]
    named = [mention.kind for mention in mentions if not mention.stated]
    if not any(mention.stated and not mention.foreign for mention in mentions):
        named += [mention.kind for mention in mentions if mention.stated]
    return Persona(
        _asked([kind.domicile for kind in named], asker.domicile),
        _asked([kind.business for kind in named], asker.business),
        _asked([kind.age for kind in named], asker.age),
    )


def _asked(named: Sequence[_Value], own: _Value) -> _Value:
    """What all that was named has in common; nothing where it differs, since then all is asked about."""
    said = [value for value in named if value]
    return reduce(and_, said) if said else own


def _corrected(known: Persona, mention: _Mention) -> Persona:
    kind = mention.kind
    if not mention.denied:
        return Persona(
            kind.domicile & known.domicile or kind.domicile or known.domicile,
            kind.business & known.business or kind.business or known.business,
            kind.age & known.age or kind.age or known.age,
        )
    if kind.business:
        return known._replace(business=known.business & ~kind.business or ~kind.business)
    return Persona(
        known.domicile & ~kind.domicile or (~kind.domicile if kind.domicile else known.domicile),
        known.business,
        known.age & ~kind.age or (~kind.age if kind.age else known.age),
    )


def _mentions(message: str) -> Iterator[_Mention]:
    """All that a message says of kinds of sellers, in its order."""
    found: list[tuple[int, _Mention]] = []

    def note(said: re.Match[str], kind: Persona, stated: bool, denied: bool = False) -> None:
        found.append((said.start(), _Mention(kind, stated, _of_others(message, said), denied)))

    for said in _NAMED.finditer(message):
        phrase, goes_on = said["kind"], said["denied"] or said["stated"] or said["asked"]
        if _PLACE.fullmatch(phrase) and not (said["denied"] or said["stated"] or len(message) <= FRAGMENT_CHARS):
            continue
        if goes_on or not (_BARE.fullmatch(phrase) or _PLACE.fullmatch(phrase)):
            note(said, kind_of(phrase), bool(said["stated"]), bool(said["denied"]))
    for said in _AGE.finditer(message):
        note(said, Persona(age=_band(said)), not _HYPOTHETICAL.match(message, said.end()))
    for said in _LIVES.finditer(message):
        note(said, Persona(Domicile.HOME if said[1] else Domicile.ABROAD), stated=True)
    for said in _UNREGISTERED.finditer(message):
        note(said, Persona(business=Business.PRIVATE), stated=not said[1])
    for said in _REGISTRATION.finditer(message):
        note(said, Persona(business=REGISTERED), stated=not said[1])
    return (mention for _, mention in sorted(found, key=itemgetter(0)) if any(mention.kind))


def _of_others(message: str, said: re.Match[str]) -> bool:
    """Whether the clause of a mention is about somebody else."""
    ends = [end.end() for end in _CLAUSE_END.finditer(message, 0, said.start())]
    return bool(_OTHERS.search(message[ends[-1] if ends else 0 : said.end() + 4]))
