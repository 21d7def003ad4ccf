"""The FAQ itself: what an entry is, and how raw questions and answers become clean ones."""

import hashlib
import re
import unicodedata
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

MAX_QUESTION_CHARS = 500
MAX_ANSWER_CHARS = 50_000  # the longest real answer has 9,094

_ZERO_WIDTH = re.compile("[\u200b-\u200d\ufeff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TAG = re.compile(r"\[([^\[\]]{1,40})\]")
_LEADING_TAGS = re.compile(r"^(?:\[[^\[\]]{1,40}\]\s*)+")

# Every answer of the source ends in the help page's rating form; nothing after these words is an answer.
_FURNITURE = re.compile(r"위 도움말이 도움이 되었나요\?")
_RELATED = re.compile(r"관련 도움말/키워드(.*?)(?:도움말 닫기|\Z)", re.DOTALL)


class RawEntry(NamedTuple):
    """One question and answer as a source file has them."""

    question: str
    answer: str
    tags: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    utterances: tuple[str, ...] = ()


class Entry(BaseModel):
    """A clean FAQ entry. `related` holds the ids of entries that the editors linked."""

    model_config = ConfigDict(frozen=True)

    faq_id: str
    question: str
    answer: str
    tags: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    utterances: tuple[str, ...] = ()
    content_hash: str

    @property
    def title(self) -> str:
        """The question without its leading tags."""
        return _LEADING_TAGS.sub("", self.question) or self.question


class Rejected(NamedTuple):
    """An entry of the source that was not taken, and why."""

    position: int
    question: str
    reason: str


class Suspect(NamedTuple):
    """An entry that was taken as it is, though its answer looks misplaced."""

    faq_id: str
    question: str
    reason: str


class Faq(NamedTuple):
    """A whole source, cleaned."""

    entries: tuple[Entry, ...]
    rejected: tuple[Rejected, ...]
    suspects: tuple[Suspect, ...]


def normalize(text: str) -> str:
    """One line: NFC, no zero-width or control characters, white space folded, ends stripped."""
    return " ".join(_CONTROL.sub(" ", _composed(text)).split())


def faq_id(question: str) -> str:
    """The first 12 hex digits of sha256 over the normalised question."""
    folded = " ".join(_ZERO_WIDTH.sub("", unicodedata.normalize("NFC", question)).split())
    return hashlib.sha256(folded.encode(errors="ignore")).hexdigest()[:12]  # a lone surrogate has no UTF-8


def _composed(text: str) -> str:
    """NFC; what has no width goes first, since between two letters it would keep them from composing."""
    return unicodedata.normalize("NFC", _LONE_SURROGATE.sub("", _ZERO_WIDTH.sub("", text)))


def leading_tags(question: str) -> tuple[str, ...]:
    """The `[…]` labels that a question starts with."""
    start = _LEADING_TAGS.match(question)
    return tuple(tag.strip() for tag in _TAG.findall(start.group())) if start else ()


def split_answer(raw: str) -> tuple[str, tuple[str, ...]]:
    """The answer without page furniture, its lines restored, and the questions it links to."""
    body, *furniture = _FURNITURE.split(raw, maxsplit=1)
    found = _RELATED.search(furniture[0]) if furniture else None
    links = tuple(filter(None, map(normalize, found.group(1).splitlines()))) if found else ()
    return restore_lines(body), links


_BREAKS = (
    # a sentence that ends where the next begins without a space
    (re.compile(r"(?<=[다요음임함됨오죠])\.(?=[^\s\d.,)\]'\"’”])"), ".\n"),
    # notes, section marks and pointers
    (re.compile(r"\s*(?=[※■□▶▷☞]\s?\S)"), "\n"),
    (re.compile(r"\s*(?=! ?(?:중요|주의|참고))"), "\n"),
    # bullets: a middle dot that is followed by a space, or follows a sentence; one inside a word stays
    (re.compile(r"(?<=\S)\s*(?=[·ㆍ∙]\s)"), "\n"),
    (re.compile(r"(?<=[.다요)])\s*(?=[·ㆍ∙]\S)"), "\n"),
    (re.compile(r"(?<=[.다요])\s*(?=- ?[가-힣])"), "\n"),
    # steps: 1) 2) … and ① ② …, and "1. " where it does not continue a date or a number
    (re.compile(r"(?<![\d(~,/])\s*(?=(?<!\d)\d{1,2}\) ?[^\s\d)])"), "\n"),
    (re.compile(r"\s*(?=[①-⑳] ?\S)"), "\n"),
    (re.compile(r"(?<=[.가-힣)\s])(?<!\d\.)(?<!\d\. )(?<!Case )\s*(?=(?<!\d)[1-9]\. ?['\"‘“가-힣\[\x00])"), "\n"),
    (re.compile(r"(?<=\S)\s*(?=예시?\) )"), "\n"),
    # the source marks the end of a link to another help page with 》
    (re.compile(r"(?<=[》≫])\s*(?=\S)"), "\n"),
)
_PARAGRAPH = re.compile(r"[ \t]{3,}")  # runs of spaces stood for one
_BRACKETED = re.compile(r"\[[^\[\]\n]{1,80}\]|\((?:\[[^\[\]\n]{1,80}\]|[^()\[\]\n]){1,120}\)")


def restore_lines(text: str) -> str:
    """Give steps, notes, bullets and glued sentences the line breaks that the source lost.

    What stands in brackets, such as a menu path `[판매관리 > 배송현황 관리]`, is never broken.
    """
    text = _composed(text).replace("\xa0", " ")
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept: list[str] = []

    def set_aside(found: re.Match[str]) -> str:
        kept.append(" ".join(found.group().split()))
        return f"\x00{len(kept) - 1}\x01"

    # Folded first: the patterns below try each run of white space from each of its places.
    text = _folded(_PARAGRAPH.sub("\n", _BRACKETED.sub(set_aside, text)))
    for pattern, replacement in _BREAKS:
        text = pattern.sub(replacement, text)
    return _folded(re.sub("\x00(\\d+)\x01", lambda found: kept[int(found.group(1))], text))


def _folded(text: str) -> str:
    """Lines without white space to spare, and no empty ones."""
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))
