"""What of a text can be checked word for word: numbers with their units, addresses and menu paths, each in one form."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

_DIGITS = "영일이삼사오육칠팔구"
_SCALES = {"십": 10, "백": 100, "천": 1_000, "만": 10_000, "억": 100_000_000}
_NATIVE = {"한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10}
_DAYS = {"하루": 1, "이틀": 2, "사흘": 3, "나흘": 4, "닷새": 5, "일주일": 7, "열흘": 10, "보름": 15}
# units that say the same, and how many of the one are one of the other
_SAME = {
    "살": ("세", 1),
    "달": ("개월", 1),
    "년": ("개월", 12),
    "주": ("일", 7),
    "회": ("번", 1),
    "차례": ("번", 1),
    "퍼센트": ("%", 1),
    "프로": ("%", 1),
}
_CALENDAR_YEAR = 1_000  # 2023년 is no duration

# A step's number at the start of a line, behind bullets and Markdown; "1) … 2) …" within a line too
_STEP = re.compile(r"^[ \t>#*·•-]*(?:\(?\d{1,2}[.)](?!\d)|[①-⑳])|(?<!\S)\(?\d{1,2}\)(?=\s)", re.MULTILINE)
_MARKUP = re.compile(r"[*`_]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SPELLED = re.compile(
    rf"(?<![가-힣\d])(?:[{_DIGITS}십백천만억]{{2,}}|[십백천만])(?=\s?원)"
    rf"|(?<![가-힣\d])[{_DIGITS}십백]+(?=\s?(?:개월|퍼센트|프로|영업일))"
)
_COUNTED = re.compile(rf"(?<![가-힣])({'|'.join(_NATIVE)})\s?(?=달|시간|살)")
_NAMED_DAYS = re.compile(rf"(?<![가-힣])({'|'.join(_DAYS)})(?!빨리)")
_DATE = re.compile(r"(\d{4})[./-] ?(\d{1,2})[./-] ?(\d{1,2})(?!\d)")
_WORKING_DAYS = re.compile(r"영업일\s?(?:기준)?(?:으로)?\s?(\d+)일")

_ADDRESS = re.compile(
    r"(?<![\w.@-])(?:https?://)?(?:www\.)?((?:[\w.+-]+@)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/[!-~]*)?)", re.ASCII
)
_PHONE = re.compile(r"(?<![\d-])\d{2,4}-(?:\d{3,4}-)?\d{4}(?![\d-])")
_BRACKETED = re.compile(r"\[(?!(?:참고|중요|주의|안내|예시?|필수|선택|요약)\]|[\d\s,]*\])([^\[\]\n]{1,100})\](?!\()")
_BESIDE_ARROW = re.compile(r"(?<![<\w/()])([\w/()]+)\s?>\s?(\w{1,2})")
_NUMBER = re.compile(
    r"(?<![\d.])(?P<number>\d+(?:\.\d+)?[십백천만억]+(?!족|료)(?:\s?\d+[십백천만]+|\d+)*|\d+(?:\.\d+)?)\s?"
    r"(?P<unit>영업일|개월|시간|퍼센트|프로|포인트|차례|회차|단계|가지|[kmg]b|px|[kcm]?m|k?g|m?l|주(?![문년소말])"
    r"|[년월일달시분초세살원%점건개회번명장배자위])?"
)
_SHARED_UNIT = re.compile(r"\s?[~·/–-]\s?[+±-]?")


def facts(text: str) -> frozenset[str]:
    """The facts of a text, such as `3000원`, `3영업일` or `1588-3819`; a menu path as `>판매관리>배송관리`."""
    return frozenset(_facts(_plain(text)))


class Stated:
    """The facts that a text states: `fact in stated`."""

    def __init__(self, text: str) -> None:
        plain = _plain(text)
        numbers = {fact: number for number, fact in _numbers(plain)}
        self._facts = {*_facts(plain), *numbers, *numbers.values()}  # a number without its unit is stated as well
        self._squeezed = _squeezed(plain)

    def __contains__(self, fact: str) -> bool:
        return fact[1:] in self._squeezed if fact.startswith(">") else fact in self._facts


def is_number(fact: str) -> bool:
    """Whether a fact is a number, with its unit or without: no address, telephone number or path."""
    return bool(re.fullmatch(r"[\d.]+[^\d.@/>-]*", fact))


def is_money(fact: str) -> bool:
    """Whether a fact is an amount or a rate."""
    return fact.endswith(("원", "%"))


def without_facts(text: str) -> str:
    """The text in plain letters, its numbers and their units gone."""
    return _NUMBER.sub(" ", _plain(text))


def _plain(text: str) -> str:
    """One way of writing: no step numbers and markup, half-width, digits for numbers, `>` for every arrow."""
    plain = unicodedata.normalize("NFKC", _MARKUP.sub("", _STEP.sub(" ", text))).lower()
    plain = re.sub("[→›▸]", ">", plain).replace("∼", "~")
    plain = _THOUSANDS.sub("", plain)
    plain = _DATE.sub(r"\1년 \2월 \3일", plain)
    plain = _SPELLED.sub(lambda found: _value(found.group()), plain)
    plain = _NAMED_DAYS.sub(lambda found: f"{_DAYS[found.group(1)]}일", plain)
    plain = _COUNTED.sub(lambda found: str(_NATIVE[found.group(1)]), plain)
    return _WORKING_DAYS.sub(r"\1영업일", plain)


def _facts(plain: str) -> Iterator[str]:
    for pattern, form in ((_ADDRESS, _address), (_PHONE, re.Match.group), (_BRACKETED, _path)):
        yield from map(form, pattern.finditer(plain))
        plain = pattern.sub("|", plain)  # no space: what stood on its two sides did not stand side by side
    for found in _BESIDE_ARROW.finditer(plain):
        yield f">{found.group(1)}>{found.group(2)}"  # two letters: what follows them may be a particle
    for _, fact in _numbers(plain):
        yield fact


def _numbers(plain: str) -> Iterator[tuple[str, str]]:
    """Each number alone and with its unit; in "3~5영업일" both have it."""
    found = list(_NUMBER.finditer(plain))
    units = [match["unit"] or "" for match in found]
    for i, (left, right) in reversed(list(enumerate(pairwise(found)))):
        if not units[i] and _SHARED_UNIT.fullmatch(plain, left.end(), right.start()):
            units[i] = units[i + 1]
    for match, written in zip(found, units, strict=True):
        number = _value(match["number"])
        unit, factor = _SAME.get(written, (written, 1))
        if written == "년" and float(number) > _CALENDAR_YEAR:
            unit, factor = written, 1
        yield number, f"{float(number) * factor:.12g}{unit}"


def _value(number: str) -> str:
    """Digits for a number in digits, Korean or both: `1만 5천`, `삼천`."""
    total = section = current = 0.0
    for part in re.findall(r"\d+(?:\.\d+)?|\S", number):
        if part in _DIGITS:
            current = _DIGITS.index(part)
        elif part not in _SCALES:
            current = float(part)
        elif _SCALES[part] < _SCALES["만"]:
            section += (current or 1) * _SCALES[part]
            current = 0
        else:
            total += (section + current or 1) * _SCALES[part]
            section = current = 0
    return f"{total + section + current:.12g}"


def _address(found: re.Match[str]) -> str:
    return found.group(1).rstrip(".,;:!?/)")


def _path(found: re.Match[str]) -> str:
    return f">{_squeezed(found.group(1))}"


def _squeezed(plain: str) -> str:
    return re.sub(r"[\s\[\]'\"‘’“”]", "", plain)
