"""Who asks: what a seller says of themself, by rule, in the FAQ's words."""

import re
from collections.abc import Sequence

# An age that somebody has: what follows is a particle or ends the word. 3세트, 세금 and "10세 이상 완구" are none.
_AGE = re.compile(
    r"(?:(?<![\d.~])(\d{2})\s*(?:세|살)|(?<![가-힣])열\s*(한|두|세|네|다섯|여섯|일곱|여덟|아홉)?\s*살)"
    r"(?=[이인입예가도라면지는은에의여밖된됐을를]|[^가-힣]|$)(?!\s*(?:이상|이하|미만|초과|부터|까지|이용|용|~))"
)
_UNITS = ("한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
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


def about_the_seller(messages: Sequence[str]) -> str:
    """What the seller said of themself, in the FAQ's words; the latest age counts."""
    age = minority(next((message for message in reversed(messages) if _AGE.search(message)), ""))
    types = (meaning for pattern, meaning in _SELLER_TYPES if any(map(pattern.search, messages)))
    return " ".join(filter(None, (age, *types)))


def minority(message: str) -> str:
    """The FAQ's words for an age that makes a seller a minor; empty for any other message."""
    ages = [int(digits) if digits else 10 + _units(name) for digits, name in _AGE.findall(message)]
    if not ages or ages[-1] >= 19:
        return ""
    return "만 14세 미만 미성년자" if ages[-1] < 14 else "만 14세 이상 만 19세 미만 미성년자"


def _units(name: str) -> int:
    return _UNITS.index(name) + 1 if name else 0
