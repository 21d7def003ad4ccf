"""Personal data in what sellers write, replaced before anything stores, logs, embeds or sends it on.

Every pattern is bounded and no two of its parts can take the same character, so a text is read in linear time. What
stays readable: numbers that the FAQ itself gives out, companies' short numbers (1588-…), order numbers, amounts, dates.
"""

import re
from collections.abc import Callable, Collection, Iterable

_INVISIBLE = "[\\u200b-\\u200d\\u2060\\ufeff\\u00ad]?"  # a zero-width character between two digits hides nothing
_HYPHEN = r"[-\u2010-\u2015\u2212\uff0d.]"
_GAP = rf"{_INVISIBLE}(?:\s?{_HYPHEN}\s?|\s)?{_INVISIBLE}"  # between the groups of a number
_DASH = _HYPHEN.replace(".", "")  # dots join IP addresses and versions
_JOINED = rf"{_INVISIBLE}\s?{_DASH}\s?{_INVISIBLE}"  # a gap that must be there

_D = rf"\d{_INVISIBLE}"
_BEFORE = rf"(?<!\d)(?<!\d{_HYPHEN})"
_AFTER = rf"(?!{_HYPHEN}?\d)"


def _digits(low: int, high: int | None = None) -> str:
    return rf"(?:{_D}){{{low},{high or low}}}"


# Korean words may stand right before and behind an address.
EMAIL = re.compile(
    r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
RESIDENT = re.compile(rf"{_BEFORE}(?P<birth>{_digits(6)}){_GAP}(?P<kind>[1-8]){_INVISIBLE}{_digits(6)}{_AFTER}")
CARD = re.compile(
    rf"{_BEFORE}{_digits(4)}(?:{_GAP}{_digits(4)}){{2}}{_GAP}{_digits(1, 7)}{_AFTER}|"
    rf"{_BEFORE}3[47]{_INVISIBLE}{_digits(2)}{_GAP}{_digits(6)}{_GAP}{_digits(5)}{_AFTER}"
)
_AREA = rf"(?:1{_INVISIBLE}[016789]|5{_INVISIBLE}0{_INVISIBLE}\d?|70|80|2|[3-6]\d){_INVISIBLE}"
_TRUNK = rf"(?:\+?8{_INVISIBLE}2{_GAP}(?:\(0\)|0)?{_GAP}{_AREA}|\(0{_INVISIBLE}{_AREA}\)|0{_INVISIBLE}{_AREA})"
PHONE = re.compile(rf"{_BEFORE}{_TRUNK}{_GAP}{_digits(3, 4)}{_GAP}{_digits(4)}{_AFTER}")
ACCOUNT = re.compile(rf"{_BEFORE}{_digits(2, 6)}(?:{_JOINED}{_digits(1, 8)}){{1,3}}{_AFTER}")
BARE_ACCOUNT = re.compile(
    r"(?P<named>(?:계좌|통장|은행|뱅크|농협|수협|신협|새마을금고|우체국)[^\d\n]{0,12})"
    rf"(?P<number>{_digits(10, 16)}){_AFTER}"
)
CONTACT = re.compile(rf"(?<!\d)(?:1[568]\d\d{_HYPHEN}\d{{4}}|0\d{{1,3}}{_HYPHEN}\d{{3,4}}{_HYPHEN}\d{{4}})(?!\d)")

ACCOUNT_DIGITS = range(10, 17)
CARD_DIGITS = (14, 15, 16, 19)
CARD_NETWORKS = (2, 3, 4, 5, 6, 9)  # first digits
_CENTURIES = {"1": "19", "2": "19", "5": "19", "6": "19", "3": "20", "4": "20", "7": "20", "8": "20"}
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BUSINESS = re.compile(r"\d{3}\D+\d{2}\D+\d{5}")
_DATE = re.compile(r"(?:19|20)\d\d\D+(?:0?[1-9]|1[0-2])\D+(?:0?[1-9]|[12]\d|3[01])(?:\D.*)?", re.DOTALL)

_Kept = Callable[[str], bool]


def hotlines(texts: Iterable[str]) -> frozenset[str]:
    """The phone numbers, as digits, and the e-mail addresses, in lower case, that texts give out."""
    found = set()
    for text in texts:
        found |= {_plain(number) for number in CONTACT.findall(text)} if "-" in text else set()
        found |= {address.lower() for address in EMAIL.findall(text)} if "@" in text else set()
    return frozenset(found)


def mask(text: str, keep: Collection[str] = ()) -> str:
    """The text with a label in place of each piece of personal data; `keep` is what `hotlines` gives."""
    text = _ascii_digits(text)
    text = EMAIL.sub(lambda found: found[0] if found[0].lower() in keep else "[이메일]", text)
    if sum(map(str.isdigit, text)) < 9:  # the shortest of what follows, a phone number in a city
        return text
    for pattern, label, is_meant in (
        (RESIDENT, "[주민등록번호]", _is_resident),
        (CARD, "[카드번호]", _is_card),
        (PHONE, "[전화번호]", None),
    ):
        text = pattern.sub(_labelled(label, is_meant, keep), text)
    text = BARE_ACCOUNT.sub(lambda found: f"{found['named']}[계좌번호]", text)
    return ACCOUNT.sub(_labelled("[계좌번호]", _is_account, keep), text)


def _labelled(
    label: str, is_meant: Callable[[re.Match[str]], bool] | None, keep: Collection[str]
) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        if _plain(found[0]) in keep or (is_meant and not is_meant(found)):
            return found[0]
        return label

    return replaced


def _ascii_digits(text: str) -> str:
    """The text with its digits in one script, ours."""
    return text if text.isascii() else "".join(str(int(sign)) if sign.isdecimal() else sign for sign in text)


def _plain(number: str) -> str:
    return "".join(filter(str.isdecimal, number))


def _is_resident(found: re.Match[str]) -> bool:
    birth = _plain(found["birth"])
    month, day = int(birth[2:4]), int(birth[4:])
    return _plain(found["kind"]) in _CENTURIES and 1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1]


def _is_card(found: re.Match[str]) -> bool:
    """By Luhn's check digit, which nine of ten other numbers of this length do not have."""
    digits = [int(sign) for sign in _plain(found[0])]
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    is_one = len(digits) in CARD_DIGITS and digits[0] in CARD_NETWORKS
    return is_one and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_account(found: re.Match[str]) -> bool:
    """Groups with as many digits as banks use, and no date, no company's registration number."""
    number = found[0]
    return len(_plain(number)) in ACCOUNT_DIGITS and not _BUSINESS.fullmatch(number) and not _DATE.fullmatch(number)
