"""Whether the FAQ entries of a brief support a sentence, and which sentence of theirs may stand in for it."""

import re
from collections.abc import Collection
from typing import NamedTuple

from faqchat.facts import Stated, facts, is_money, is_number, without_facts
from faqchat.prompt import CUT_NOTICE, SYSTEM_PROMPT, Brief
from faqchat.sentences import CITATION, sentences
from faqchat.tokens import tokens, words

SUPPORT = (
    0.25  # so much of what a sentence says must occur in its entries: docs/quality.md shows what that lets through
)
MISCITED = 0.75  # and so much in an entry that it does not cite, for that to be the one that was meant
FIRST_WORDS = 2  # and so many words of the first sentence where it cites nothing: one may be shared by chance
PROMPTED = 0.6  # a sentence with so many words of the system prompt, and fewer of the entries', recites it
SAME_KIND = 2.0  # a sentence counts as so much nearer if it has a fee, a period, … where the failed one has one

# How words begin that fit any sentence, the product's own name among them
_EMPTY = frozenset(
    words(
        "가능 경우 관련 그래 그러 그리 그런 내용 네이 다만 다음 대한 되나 되는 되며 되면 되지 됩니 따라 때는 때문 또는 "
        "또한 먼저 물론 바랍 방법 불가 수도 스마 스토 아니 아닙 아래 안내 않고 않는 않습 않으 않은 없는 없습 없이 예를 "
        "우선 위한 위해 이는 이때 이를 입니 있고 있는 있습 있어 있으 주세 주시 참고 통해 판매 하고 하는 하며 하면 하셔 "
        "하시 하실 하지 합니 해서 해야 해주 확인"
    )
)
_PROMPT = frozenset(tokens(SYSTEM_PROMPT))
_CUT = CUT_NOTICE.strip("…\n")
_CITED = re.compile(rf"[ \t]*{CITATION.pattern}")
_OTHER_SCRIPT = re.compile(r"[^\W\d_a-zㄱ-ㅎㅏ-ㅣ가-힣]+")
_MARKER = re.compile(r"(?:[#>*·•※-]+\s+|[·•※])*(?:\(?\d{1,2}[.)](?!\d)\s*|[①-⑳]\s*)?")
# "… FAQ에서 확인되지 않습니다", as the system prompt asks for; what comes behind "않지만" is checked like all else
_UNCONFIRMED = re.compile(
    r"(?=.{0,120}(?:FAQ|도움말|자료[에만는]))[^.]{0,160}?(?:(?:내용|정보|설명|기준|언급)[이은가는도]?|(?:확인|포함|언급|"
    r"안내|기재)(?:되|할 수|하지|하기|되어 있)지?|나와 ?있지|나오지|적혀 ?있지|찾(?:을 수|지)|다루(?:고 있)?지)"
    r" ?(?:어렵|없|않|못)[가-힣]*,?"
)
_FEE = re.compile("수수료|요율|요금|이용료|사용료|비용|배송비|벌금|부담")


class Verdict(NamedTuple):
    """On one sentence."""

    text: str  # without the numbers of sources that there are not
    holds: bool | None  # None where it claims nothing, such as "네, 가능합니다."


class _Said:
    """What a sentence says."""

    def __init__(self, bare: str) -> None:
        claim = _UNCONFIRMED.sub("", bare, count=1)
        self.heads = _heads(claim)
        self.facts = facts(bare)
        self.fee = claim == bare and bool(_FEE.search(bare))  # that a fee is not confirmed claims none
        self.nothing = claim == bare and not self.heads and not self.facts


class Sources:
    """The entries of a brief, as sentences are compared with them."""

    def __init__(self, brief: Brief) -> None:
        texts = [f"{entry.question}\n{entry.answer}" for entry in brief.entries]
        self._answers = [entry.answer for entry in brief.entries]
        self._all = range(len(texts))
        self._stated = [Stated(text) for text in texts]
        self._tokens = [{*tokens(text), *_other_scripts(text)} for text in texts]
        self._seller = Stated("\n".join([brief.question, brief.query, *(said.message for said in brief.history)]))

    def judge(self, sentence: str, *, first: bool) -> Verdict:
        """Whether the entries that a sentence cites support it; where it cites none, whether all together do."""
        text = _CITED.sub(self._existing, sentence)
        bare = _CITED.sub("", text)
        if bare == _CUT:
            return Verdict(text, None)
        said = _Said(bare)
        if said.nothing:
            return Verdict(text, None)
        cited = self._cited(text)
        share = self._share(said, cited or self._all, FIRST_WORDS if first and not cited else 1)
        if share < SUPPORT and cited and not said.facts:  # a fee of another entry would be another fee
            nearest = max(self._all, key=lambda i: self._share(said, [i]))
            if self._share(said, [nearest]) >= MISCITED:
                meant = iter([f" [{nearest + 1}]"])
                return Verdict(_CITED.sub(lambda _: next(meant, ""), text), holds=True)
        return Verdict(text, share >= SUPPORT)

    def stand_in(self, failed: str, said: Collection[str]) -> str:
        """The sentence nearest to a failed one in the entry that it cites, else in the first; none that was said.

        Nothing where no sentence of the entry is about the same; one that was cited needs a single word in common.
        """
        number = next(iter(self._cited(failed)), 0)
        bare = _CITED.sub("", failed)
        heads, wanted, kinds = _heads(bare), set(tokens(bare)), _kinds(bare)
        best, nearest = "", 0.0
        for line in sentences(self._answers[number]):
            own = without_marker(line.strip())
            held = set(tokens(own))
            near = len(wanted & held) / (len(wanted) + len(held) or 1) * (SAME_KIND if kinds & _kinds(own) else 1)
            related = len(heads & held) >= max(SUPPORT * len(heads) * (bare == failed), 1)
            if near > nearest and related and key(own) not in said:
                best, nearest = own, near
        marker = failed.removesuffix(without_marker(failed))
        return f"{marker}{best} [{number + 1}]" if best else ""

    def _share(self, said: "_Said", read: Collection[int], needed: int = 1) -> float:
        """How much of what a sentence says occurs in entries: 0 where a fact does not, or fewer words than needed."""
        for fact in said.facts:
            told = fact in self._seller and is_number(fact) and not (said.fee and is_money(fact))
            if not told and not any(fact in self._stated[i] for i in read):
                return 0.0
        exact = sum(not fact.isdigit() for fact in said.facts)  # a bare number may be there by chance
        known = sum(any(head in self._tokens[i] for i in read) for head in said.heads)
        if len(said.heads & _PROMPT) > max(PROMPTED * len(said.heads), known):
            return 0.0
        total = len(said.heads) + exact
        if known + exact < min(needed, total):
            return 0.0
        return (known + exact) / total if total else 1.0

    def _cited(self, text: str) -> list[int]:
        return [int(number) - 1 for found in _CITED.findall(text) for number in self._valid(found)]

    def _valid(self, citation: str) -> list[str]:
        return [number for number in re.findall(r"\d+", citation) if 0 < int(number) <= len(self._answers)]

    def _existing(self, found: re.Match[str]) -> str:
        citation = found.group()
        valid = self._valid(citation)
        if valid == re.findall(r"\d+", citation):
            return citation
        return f" [{', '.join(valid)}]" if valid else ""


def key(text: str) -> str:
    """What two sentences have in common that differ in spaces, marks and citations only."""
    return "".join(words(_CITED.sub("", text)))


def without_marker(text: str) -> str:
    """A line without the bullet or the number that it begins with."""
    return _MARKER.sub("", text, count=1)


def _heads(text: str) -> frozenset[str]:
    """How the words of a text begin that say something: two syllables, before particles and endings."""
    plain = without_facts(text)
    found = {word[:2] if "가" <= word[0] <= "힣" else word for word in words(plain)}
    return frozenset(word for word in found if len(word) > 1 and word not in _EMPTY) | _other_scripts(plain)


def _kinds(text: str) -> set[str]:
    """The units of a text's numbers."""
    return {fact.lstrip("0123456789.") for fact in facts(text) if is_number(fact)} - {""}


def _other_scripts(text: str) -> frozenset[str]:
    return frozenset(_OTHER_SCRIPT.findall(text.lower()))
