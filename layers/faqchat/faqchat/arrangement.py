"""The parts of an answer in the order in which they are told to the seller whose case it is."""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from faqchat.cases import RULES_OUT, Part
from faqchat.persona import Domicile, Persona

OPENING_CHARS = 160
EARLY_CHARS = 350  # cases that begin so soon matter even where they are but a fifth of an answer

_NOTE = re.compile(r"※|!")
_SAME_AS = re.compile(r"동일하게|마찬가지")  # what it refers to must stay


def is_about_cases(parts: Sequence[Part], nearest: Part) -> bool:
    """Whether telling sellers apart is what an answer is for, or the part of it that is nearest to the question."""
    first = next((part.number for part in parts if part.kinds), None)
    if first is None:
        return False
    whole, told_apart, before = (
        sum(len(part.text) for part in some)
        for some in (parts, [p for p in parts if p.kinds], [p for p in parts if p.number < first])
    )
    headed = sum(case[0].heads for case in alternatives(parts)) > 1
    return bool(nearest.kinds) or headed or told_apart * (5 if before <= EARLY_CHARS else 4) >= whole


def left_for(seller: Persona, parts: Sequence[Part]) -> list[Part]:
    """Parts without those for others only, where some are for this seller and none of these refers to them.

    A note of one sentence stays: it names whom it is for.
    """
    theirs = [part for part in parts if part.is_for(seller)]
    if not theirs or any(_SAME_AS.search(part.text) for part in theirs):
        return list(parts)
    return [part for part in parts if not part.is_not_for(seller) or (part.stands_alone and _NOTE.match(part.text))]


def theirs_first(seller: Persona, parts: Sequence[Part], nearest: Part, *, apart: bool) -> list[Part]:
    """What an answer to this seller begins with: what rules them out, the opening, what else names them, their list.

    Where sellers are not told apart, a sentence that mentions them keeps its place, unless it is nearest to the
    question.
    """
    sentences = naming(seller, parts)
    mentioned = [part for said in sentences for part in said]
    listed = [part for part in parts if apart and part.is_for(seller) and part not in mentioned]
    at_home = not any(kind.domicile for part in listed for kind in part.kinds)

    def leads(said: Sequence[Part]) -> bool:
        goes_beyond_the_list = not listed or (at_home and said[0].kinds[0].domicile == Domicile.ABROAD)
        return nearest in said or (apart and goes_beyond_the_list)

    ruling = [part for said in sentences if rules_out(seller, said) for part in said]
    leading = [part for said in sentences if leads(said) for part in said]
    if not (ruling or leading or listed):
        return []
    return list(dict.fromkeys([*ruling, *opening(parts), *leading, *lead_in(listed, parts), *listed]))


def naming(seller: Persona, parts: Sequence[Part]) -> list[list[Part]]:
    """The sentences that say by themselves that they are for this seller, each with what goes on with it."""
    sentences: list[list[Part]] = []
    open_ = False
    for part in parts:
        if part.begins:
            open_ = part.stands_alone and len(part.kinds) == 1 and part.is_for(seller)
            if open_:
                sentences.append([part])
        elif open_ and part.kinds == sentences[-1][0].kinds:
            sentences[-1].append(part)
        else:
            open_ = False
    return sentences


def rules_out(seller: Persona, sentence: Sequence[Part]) -> bool:
    """Whether it says what this seller cannot have, or can only in one way."""
    return all(map(seller.surely_is, sentence[0].kinds)) and any(RULES_OUT.search(part.text) for part in sentence)


def opening(parts: Sequence[Part]) -> list[Part]:
    """How an answer begins, before it tells sellers apart: its first line, or the first sentences of a long one."""
    told_apart = [part for case in alternatives(parts) for part in case]
    length = 0
    begins: list[Part] = []
    for part in parts:
        length += len(part.text)
        if part.line != parts[0].line or part in told_apart or length > OPENING_CHARS:
            break
        begins.append(part)
    return begins


def alternatives(parts: Sequence[Part]) -> list[list[Part]]:
    """The cases of an answer, each with all its parts, where two at least exclude each other."""
    cases: list[list[Part]] = []
    for part in parts:
        if part.begins and len(part.kinds) == 1:
            cases.append([part])
        elif part.kinds and cases:
            cases[-1].append(part)
    kinds = [case[0].kinds[0] for case in cases]
    return [case for case in cases if any(map(case[0].kinds[0].excludes, kinds))]


def lead_in(listed: Sequence[Part], parts: Sequence[Part]) -> list[Part]:
    """What stands before a list of cases, where that announces it."""
    before = [part for part in parts if listed and part.number < listed[0].number and not part.kinds][-1:]
    return [part for part in before if part.announces]


def without_empty_notes(parts: Sequence[Part]) -> list[Part]:
    """Parts without the marks of notes that do not come behind them."""
    behind = [part.number for part in parts[1:]]
    return [part for part, next_ in zip_longest(parts, behind) if not part.is_mark or next_ == part.number + 1]


def join(parts: Iterable[Part]) -> str:
    """Parts as text: what was one line stays one, except that each case begins its own."""
    text = ""
    last: Part | None = None
    for part in parts:
        follows = last and part.number == last.number + 1 and part.line == last.line and not part.begins
        text += (part.gap if follows else "\n" if last else "") + part.text
        last = part
    return text
