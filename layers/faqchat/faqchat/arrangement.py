"""The parts of an answer in the order in which they are told to the seller whose case it is."""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from faqchat.cases import Part
from faqchat.persona import Domicile, Persona

OPENING_CHARS = 160

_RULES_OUT = re.compile(r"불가|수 없|제한|않습니다|대상이 아니|으로만")
_SAME_AS = re.compile(r"동일하게|마찬가지")  # what it refers to must stay


def is_about_cases(parts: Sequence[Part], nearest: Part) -> bool:
    """Whether telling sellers apart is what an answer is for, or the part of it that is nearest to the question."""
    told_apart = sum(len(part.text) for part in parts if part.kinds)
    headed = sum(case[0].heads for case in alternatives(parts))
    return bool(nearest.kinds) or headed > 1 or told_apart * 4 >= sum(len(part.text) for part in parts)


def left_for(seller: Persona, parts: Sequence[Part]) -> list[Part]:
    """Parts without those for others only, where some are for this seller and none of these refers to them."""
    theirs = [part for part in parts if part.is_for(seller)]
    if not theirs or any(_SAME_AS.search(part.text) for part in theirs):
        return list(parts)
    return [part for part in parts if not part.is_not_for(seller)]


def theirs_first(seller: Persona, parts: Sequence[Part], nearest: Part, *, apart: bool) -> list[Part]:
    """What an answer to this seller begins with: what names them, the opening, and what is listed for them.

    Where sellers are not told apart, a sentence that mentions them keeps its place, unless it rules them out or is
    nearest to the question.
    """
    sentences = naming(seller, parts)
    mentioned = [part for said in sentences for part in said]
    listed = [part for part in parts if apart and part.is_for(seller) and part not in mentioned]
    at_home = not any(kind.domicile for part in listed for kind in part.kinds)

    def leads(said: Sequence[Part]) -> bool:
        goes_beyond_the_list = not listed or (at_home and said[0].kinds[0].domicile == Domicile.ABROAD)
        return rules_out(said) or nearest in said or (apart and goes_beyond_the_list)

    kinds = [said[0].kinds[0] for said in sentences]
    if not any(one.excludes(other) for one in kinds for other in kinds):
        sentences.sort(key=lambda said: not rules_out(said))
    leading = [part for said in sentences if leads(said) for part in said]
    begins = [*opening(parts), *lead_in(listed, parts)] if leading or listed else []
    return list(dict.fromkeys([*leading, *begins, *listed]))


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


def rules_out(sentence: Sequence[Part]) -> bool:
    """Whether it says what cannot be had, or can only in one way."""
    return any(_RULES_OUT.search(part.text) for part in sentence)


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
