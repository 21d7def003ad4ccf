"""An answer's parts, and whom each is for: the FAQ tells sellers apart by headings, labelled lines and subjects."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from faqchat.persona import ANYBODY, MINOR, PHRASE, PROPRIETOR, Age, Business, Domicile, Persona, kind_of

HEADING_CHARS = 40
# How far a case reaches: over all blocks that it announces, to the next block, step or item, or no farther
_BLOCKS, _BLOCK, _STEP, _ITEM, _LINE = range(5)

_MARKER = re.compile(
    r"(?P<note>※\s*(?:공통\s*)?(?:참고|주의|중요)?[\s.:]*|! ?(?:중요|주의|참고)[\s.:]*)|(?P<section>[■□▶▷]\s*)"
    r"|(?P<step>\d{1,2}[.)](?!\d)\s*|[①-⑳]\s*)|(?P<item>[·ㆍ∙•*-]\s*|[ⓐ-ⓩ]\s*|ㄴ\s*)"
)
_REACH = {"section": _BLOCK, "step": _STEP, "item": _ITEM}
_ENDS_HEADING = r"(?:\s*(?:필요|제출|진행|가입)?\s*(?:서류|방법|절차))?$"
_NO_HEADING = r"(?!\s*(?:메뉴|버튼|>)|[은는이가을를의에])"
_IN_BRACKETS = rf"\[{PHRASE}(?:(?![가-힣])[^\]>]{{0,20}})?\]{_NO_HEADING}"
_BRACKETED = re.compile(rf"\[({PHRASE})(?:(?![가-힣])[^\]>]{{0,20}})?\]{_NO_HEADING}|<({PHRASE})>")
# Where one line holds several pieces: behind a sentence, before a case that the source glued to what precedes it
_JOINT = re.compile(
    rf"(?<=[다요]\.)\s+|(?<=\S)\s*(?={_IN_BRACKETS})|(?<=\))(?=만\s*1[49]세)|(?<=[가-힣).])(?=- ?{PHRASE}\s*:)"
    rf"|(?<=[)\].요부본])\s+(?=(?:국내|해외)\s*{PHRASE}{_ENDS_HEADING})"
)
_LABEL = re.compile(rf"({PHRASE})(?:님|\s*[의인일]\s*경우)?\s*:(?!\d)|({PHRASE})\s+-\s")
_IN_PARENTHESES = re.compile(rf"\(({PHRASE})\)(?=\s*\S)(?!\s*(?:사업자|과세자))")
_HEADING = re.compile(rf"({PHRASE})(?:$|(?=[\s(용])(?P<about>[^.:?→]{{1,30}})$)")
_THING = re.compile(r"\s*(?:대표자|명의|인감|통장|포함)")
_ONE_WORD = re.compile(r"(?:사업자|개인|법인|일반|회원|판매\s?자|대표자?)$")  # more often the first word of a thing
_SUBJECT = re.compile(
    rf"(?:(?:네이버\s*)?스마트스토어는\s+)?({PHRASE})\)?(?:님)?"
    r"(?:(?:은|는|이라면|라면|이면|(?:의|인|일)\s*(?:경우|때)(?:에는|에|는|엔)?)(?=[\s,])|의\s[^.,]{2,20}\s시\s)"
)
_PLACE = re.compile(r"(?:국내|한국|해외|외국)\s*$")  # alone: where goods go, unless it stands among sellers
_SENTENCE = re.compile(r"[다요죠음함됨오][.!?]?$|[.!?》]$")
RULES_OUT = re.compile(r"불가|수 없|제한|않습니다|대상이 아니|으로만")
_OTHERS_TOO = re.compile(r"나머지|그 외|이외|제외한")
_ANNOUNCES = re.compile(r"아래|다음")
_POINTS = re.compile(r"아래|다음|위[와의 ]|상기|따라서")
_PLACE_LABEL = re.compile(r"\W*(?:국내|해외)\s*:")
_UNDER_14 = re.compile(r"14세\s*미만")
_COMMON = re.compile(r"※\s*공통")
_GOES_ON = re.compile(r"\(|단,|다만")
# A line that ends in the heading of what follows, the source having lost the break between them
_LOST_HEADING = r"[가-힣 ]{2,24}(?:기준|방법|안내|서류|절차|대상|조건|목록)$"
_SWALLOWED = re.compile(rf"(?:부|\)|가능|필요|[다요]\.?)\s+{_LOST_HEADING}")


class Part(NamedTuple):
    """A piece of an answer in its own words, and the kinds of sellers it is for: all must fit, none is everybody."""

    number: int
    line: int
    gap: str  # what stood before it on its line
    text: str
    kinds: tuple[Persona, ...] = ()
    begins: bool = False  # a case
    heads: bool = False  # a block of several lines
    stands_alone: bool = False  # a sentence that names whom it is for

    def is_for(self, seller: Persona) -> bool:
        """Whether it is about this seller, as far as is known."""
        return any(map(seller.shares, self.kinds)) and all(map(seller.may_be, self.kinds))

    def is_not_for(self, seller: Persona) -> bool:
        """Whether it is about others only."""
        return any(map(seller.excludes, self.kinds))

    @property
    def is_mark(self) -> bool:
        """Whether it only says that notes follow: ※ 참고."""
        return bool(_MARKER.fullmatch(self.text))

    @property
    def announces(self) -> bool:
        """Whether it is the heading of what follows, or a sentence that announces it."""
        titled = len(self.text) <= HEADING_CHARS and not _SENTENCE.search(self.text) and not _MARKER.match(self.text)
        return not self.is_mark and (titled or bool(_ANNOUNCES.search(self.text)))


class _Piece(NamedTuple):
    line: int
    gap: str
    text: str
    marker: str  # note, section, step, item, heading, or none
    kind: Persona = Persona()
    reach: int = _LINE
    says: bool = False  # of its subject, as a sentence


def split(answer: str, about: Persona = ANYBODY) -> list[Part]:
    """All pieces of an answer in order, those for certain sellers marked as such.

    Whom the whole entry is about is no case of it.
    """
    pieces = [piece._replace(kind=piece.kind.beside(about)) for piece in _told_apart(list(_pieces(answer.split("\n"))))]
    parts = []
    opened: list[_Piece] = []
    for number, piece in enumerate(pieces):
        opened = [case for case in opened if _reaches(case, piece, pieces[number + 1 :])]
        own = [piece.kind] if any(piece.kind) else []
        # a note on others may have strayed among the lines of a case
        kinds = (*(case.kind for case in opened if not case.kind.excludes(piece.kind)), *own)
        heads = bool(own) and piece.reach <= _BLOCK
        stands_alone = bool(own) and piece.says and not _POINTS.search(piece.text)
        parts.append(Part(number, piece.line, piece.gap, piece.text, kinds, bool(own), heads, stands_alone))
        if any(piece.kind):
            opened.append(piece)
        if _SWALLOWED.search(piece.text):
            opened = []
    return parts


def _reaches(case: _Piece, piece: _Piece, behind: Sequence[_Piece]) -> bool:
    """Whether a case still holds at a later piece. Where that is in doubt it does not: the piece is for everybody."""
    if _GOES_ON.match(piece.text):
        return True
    if piece.line == case.line:
        swallowed = (any(piece.kind) and piece.reach == _BLOCK) or re.match(_LOST_HEADING, piece.text)
        return case.reach != _LINE and not swallowed
    if case.reach >= _ITEM or _COMMON.match(piece.text):
        return False
    if piece.marker in ("section", "heading", "step"):
        return (case.reach == _BLOCKS and any(piece.kind)) or (piece.marker == "step" and case.reach <= _BLOCK)
    return piece.marker == "item" or _is_resumed(case, behind)


def _is_resumed(case: _Piece, behind: Sequence[_Piece]) -> bool:
    """Whether a note stands within a case: its steps go on behind it, or another case of its rank begins there."""
    for piece in behind:
        if any(piece.kind) and piece.reach in (case.reach, _BLOCK):
            return True
        if piece.marker in ("section", "heading"):
            return False
        if piece.marker == "step" and case.reach <= _BLOCK and not re.match(r"1[.)]|①", piece.text):
            return True
    return False


def _pieces(lines: Sequence[str]) -> Iterator[_Piece]:
    for number, line in enumerate(lines):
        leads = number + 1 < len(lines) and bool(_MARKER.match(lines[number + 1]))
        joints = [joint for joint in _JOINT.finditer(line) if joint.start() > 0 and joint.end() < len(line)]
        starts = [0, *(joint.end() for joint in joints)]
        ends = [*(joint.start() for joint in joints), len(line)]
        gaps = ["", *(joint.group() for joint in joints)]
        for start, end, gap in zip(starts, ends, gaps, strict=True):
            yield _read(_Piece(number, gap, line[start:end], ""), leads=leads and end == len(line))


def _read(piece: _Piece, *, leads: bool) -> _Piece:
    """A piece with what its own words say of whom it is for; `leads`: a list comes right behind it."""
    marked = _MARKER.match(piece.text)
    marker = str(marked.lastgroup) if marked else ""
    rest = piece.text[marked.end() :] if marked else piece.text
    reach = _REACH.get(marker, _LINE)
    piece = piece._replace(marker=marker)
    if bracketed := _BRACKETED.match(rest):
        return piece._replace(marker="heading", kind=_named(bracketed), reach=_BLOCK)
    label = _LABEL.match(rest) or (_IN_PARENTHESES.match(rest) if marker in ("item", "step") else None)
    if label and marker != "note":
        return piece._replace(kind=_named(label), reach=reach)
    titled = marker in ("section", "step") or (leads and not marker)
    if titled and len(rest) <= HEADING_CHARS and not _SENTENCE.search(rest):
        kind = _headed(rest)
        if any(kind) or not marker:
            return piece._replace(marker=marker or "heading", kind=kind, reach=reach if marker else _BLOCK)
    subject = _SUBJECT.match(rest)
    if subject and not _PLACE.match(subject[1]) and not _OTHERS_TOO.search(rest):
        kind = _named(subject)
        if all(_named(other) in (kind, Persona()) for other in _SUBJECT.finditer(rest, subject.end())):
            reach = _BLOCKS if leads and _ANNOUNCES.search(rest) else _ITEM if marker == "item" else _LINE
            return piece._replace(kind=kind, reach=reach, says=True)
    return piece


def _headed(heading: str) -> Persona:
    """Whom a heading is for; nobody where it is about a thing, or about one kind becoming another."""
    found = _HEADING.match(heading)
    if not found or _PLACE.match(found[1]) or (found["about"] and _ONE_WORD.match(found[1])):
        return Persona()
    about = found["about"] or ""
    return Persona() if _THING.match(about) or any(kind_of(about)) else kind_of(found[1])


def _named(phrase: re.Match[str]) -> Persona:
    return kind_of(next(filter(None, phrase.groups())))


def _told_apart(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Pieces whose kinds depend on the others.

    개인사업자 beside 간이사업자 is the one who is not taxed simply; 미성년자 beside 만 14세 미만, the elder one; and
    where those abroad are named or ruled out, the others of a list are at home.
    """
    listed = [piece for piece in pieces if any(piece.kind) and not piece.says]
    ruled_out = [piece for piece in pieces if piece.says and RULES_OUT.search(piece.text)]
    simplified = any(piece.kind.business == Business.SIMPLIFIED for piece in listed)
    abroad = any(piece.kind.domicile == Domicile.ABROAD for piece in [*listed, *ruled_out])
    under_14 = any(_UNDER_14.search(piece.text) for piece in pieces)
    told = []
    for number, piece in enumerate(pieces):
        kind = piece.kind
        if _PLACE_LABEL.match(piece.text):
            beside = [*pieces[max(number - 1, 0) : number], *pieces[number + 1 : number + 2]]
            kind = kind if any(near.kind.business for near in beside) else Persona()
        if simplified and kind.business & PROPRIETOR == PROPRIETOR and "간이" not in piece.text[:HEADING_CHARS]:
            kind = kind._replace(business=kind.business & ~Business.SIMPLIFIED)
        if abroad and kind.business and not kind.domicile and not piece.says:
            kind = kind._replace(domicile=Domicile.HOME)
        if under_14 and kind.age == MINOR:
            kind = kind._replace(age=Age.UNDER_19)
        told.append(piece._replace(kind=kind))
    return told
