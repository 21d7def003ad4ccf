"""Answers composed from the FAQ itself: the entry's own words, the part that was asked for first to be seen."""

import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence

from faqchat.arrangement import (
    alternatives,
    is_about_cases,
    join,
    lead_in,
    left_for,
    naming,
    opening,
    rules_out,
    theirs_first,
    without_empty_notes,
)
from faqchat.cases import Part, split
from faqchat.events import Usage
from faqchat.faq import Entry
from faqchat.persona import ANYBODY, PHRASE, Persona
from faqchat.prompt import Brief
from faqchat.seller import concerned
from faqchat.tokens import tokens

WHOLE_CHARS = 700  # seven of eight real answers are shorter and are given whole
EXCERPT_CHARS = 160
POINTED_OUT = 2  # lines
AGAIN = "앞에서 안내해 드린 내용 중 다음을 확인해 주세요."

# A line that goes on with what the line before it began: a step, a bullet, a number, a letter.
_CONTINUES = re.compile(r"^(?:\d{1,2}\)|[①-⑳]|[·ㆍ∙\-]|[ⓐ-ⓩ]|[1-9]\. )")
_NOTE = re.compile(r"^(?:※|! ?(?:중요|주의))")
# A pointer to another help page is no answer when the page cannot be followed from here.
_POINTER = re.compile(r"[》≫]$|^☞|^\(☞")


class Extractive:
    """The generator that needs no model and cannot fail."""

    name = "extractive"

    async def generate(self, brief: Brief) -> AsyncGenerator[str | Usage, None]:
        """The composed answer, line by line."""
        whose = concerned(brief.question, brief.asker)
        text = (point_out if brief.repeated else compose)(brief.query, brief.entries[0], whose)
        for line in text.splitlines(keepends=True):
            yield line
        yield Usage()


def compose(query: str, entry: Entry, whose: Persona = ANYBODY) -> str:
    """The entry's answer for the seller whose case it is: theirs first, without what is for others only.

    Whole where it is short; else its opening and the blocks nearest to the query, in order, or the head of each case.
    """
    parts = _followable(_parts(entry))
    topic = re.sub(PHRASE, " ", query)  # who asks says nothing of what is asked
    nearest = max(parts, key=lambda part: _match(topic, part.text, entry))
    kept, cases = parts, alternatives(parts)
    if len(entry.answer) <= WHOLE_CHARS or is_about_cases(parts, nearest):
        kept = left_for(whose, parts)
        begins = theirs_first(whose, kept, nearest, apart=bool(cases))
    else:
        cases = []
        begins = [part for said in naming(whose, parts) if rules_out(whose, said) for part in said]
    first = join(without_empty_notes(begins))
    rest = join(without_empty_notes([part for part in kept if part not in begins]))
    text = "\n".join(filter(None, [first, rest])) or join(kept)
    cut = len(text) > WHOLE_CHARS
    if cut:
        text = _heads(parts, cases) if cases and not begins else _nearest(query, entry, first, rest)
    where = f"참고한 FAQ '{entry.title}'에서 확인하실 수 있습니다."
    if len(kept) < len(parts) and str(whose):
        return f"{text}\n※ {whose} 기준으로 안내해 드렸습니다. 다른 경우는 {where}"
    return f"{text}\n※ 전체 내용은 {where}" if cut or len(kept) < len(parts) else text


def point_out(query: str, entry: Entry, whose: Persona = ANYBODY) -> str:
    """For a question after the answer that the entry gave just now: the lines that matter to it, not all again."""
    kept = left_for(whose, _parts(entry))
    lines = (join(without_empty_notes(kept)) or join(kept)).split("\n")
    if len(lines) <= POINTED_OUT:
        return compose(query, entry, whose)
    theirs = join(part for part in kept if part.is_for(whose)).split("\n")
    others = join(part for part in kept if part.is_not_for(whose)).split("\n")
    order = dict.fromkeys(theirs, -1) | dict.fromkeys(others, 1)
    ranked = sorted(range(len(lines)), key=lambda i: (order.get(lines[i], 0), -_match(query, lines[i], entry), i))
    chosen = sorted(ranked[: max(POINTED_OUT, sum(line in theirs for line in lines))])
    return "\n".join([AGAIN, _shorten("\n".join(_shorten(lines[i]) for i in chosen))])


def _parts(entry: Entry) -> list[Part]:
    return split(entry.answer, concerned(entry.question, ANYBODY))


def _followable(parts: Sequence[Part]) -> list[Part]:
    """Parts without those that only point elsewhere; a case keeps its words, and an answer its only ones."""
    return [part for part in parts if part.begins or not _POINTER.search(part.text)] or list(parts)


def _nearest(query: str, entry: Entry, first: str, rest: str) -> str:
    """What comes first, then the blocks of the rest that are nearest to the query; without a first, the opening."""
    first = _shorten(first)
    blocks = _blocks(rest.split("\n")) if rest else []
    ranked = sorted(range(len(blocks)), key=lambda i: -_match(query, blocks[i], entry))
    kept: set[int] = set()
    length = len(first)
    for i in ranked if first else dict.fromkeys([ranked[0], 0, *ranked[1:]]):
        if length and length + len(blocks[i]) > WHOLE_CHARS:
            continue
        kept.add(i)
        length += len(blocks[i])
    return "\n".join(filter(None, [first, *(_shorten(blocks[i]) for i in sorted(kept))]))


def _heads(parts: Sequence[Part], cases: Sequence[Sequence[Part]]) -> str:
    """The opening and the beginning of each case."""
    before = join(dict.fromkeys([*opening(parts), *lead_in(cases[0], parts)]))
    room = (WHOLE_CHARS - len(before)) // len(cases)
    return "\n".join(filter(None, [before, *(_shorten(join(case), room) for case in cases)]))


def excerpt(query: str, entry: Entry) -> str:
    """A line or two of the answer, from where it matches the query best."""
    blocks = _blocks(entry.answer.split("\n"))
    best = max(range(len(blocks)), key=lambda i: (_match(query, blocks[i], entry), -i))
    text = " ".join(blocks[best].split())
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1].rstrip() + "…"


def _blocks(lines: list[str]) -> list[str]:
    """Lines grouped so that a heading keeps its steps and a note its bullets."""
    blocks: list[list[str]] = []
    for line in lines:
        if blocks and _CONTINUES.match(line):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return ["\n".join(block) for block in blocks] or [""]


def _match(query: str, block: str, entry: Entry) -> float:
    """How many of the query's tokens a block holds, those of the title counting less: every block is about it."""
    wanted = Counter(tokens(query))
    title = set(tokens(entry.question))
    held = set(tokens(block))
    score = sum(0.3 if token in title else 1.0 for token in wanted if token in held)
    return score * (0.8 if _NOTE.match(block) else 1.0)


def _shorten(block: str, limit: int = WHOLE_CHARS) -> str:
    """A block that alone is over the limit, cut at a line or sentence end."""
    if len(block) <= limit:
        return block
    text = block[:limit]
    cut = max(text.rfind("\n"), *(text.rfind(end) + len(end) for end in ("다.", "요.")))
    if cut > limit // 2:
        return text[:cut].rstrip()
    opened = text.rfind("[")
    return text[: opened if opened > max(0, text.rfind("]")) else None].rstrip() + "…"
