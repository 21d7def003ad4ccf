"""Answers composed from the FAQ itself: the entry's own words, the part that was asked for first to be seen."""

import re
from collections import Counter
from collections.abc import AsyncGenerator

from faqchat.events import Usage
from faqchat.faq import Entry
from faqchat.prompt import Brief
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
        entry = brief.entries[0]
        text = point_out(brief.query, entry) if brief.repeated else compose(brief.query, entry)
        for line in text.splitlines(keepends=True):
            yield line
        yield Usage()


def compose(query: str, entry: Entry) -> str:
    """The entry's answer, whole where it is short; else its opening and the blocks nearest to the query, in order."""
    lines = [line for line in entry.answer.split("\n") if not _POINTER.search(line)] or entry.answer.split("\n")
    text = "\n".join(lines)
    if len(text) <= WHOLE_CHARS:
        return text
    blocks = _blocks(lines)
    ranked = sorted(range(len(blocks)), key=lambda i: -_match(query, blocks[i], entry))
    kept: set[int] = set()
    length = 0
    for i in dict.fromkeys([ranked[0], 0, *ranked[1:]]):
        if kept and length + len(blocks[i]) > WHOLE_CHARS:
            continue
        kept.add(i)
        length += len(blocks[i])
    parts = [_shorten(blocks[i]) for i in sorted(kept)]
    return "\n".join([*parts, f"※ 전체 내용은 참고한 FAQ '{entry.title}'에서 확인하실 수 있습니다."])


def point_out(query: str, entry: Entry) -> str:
    """For a question after the answer that the entry gave just now: the lines that matter to it, not all again."""
    lines = entry.answer.split("\n")
    if len(lines) <= POINTED_OUT:
        return compose(query, entry)
    ranked = sorted(range(len(lines)), key=lambda i: (-_match(query, lines[i], entry), i))
    return "\n".join([AGAIN, *(_shorten(lines[i]) for i in sorted(ranked[:POINTED_OUT]))])


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


def _shorten(block: str) -> str:
    """A block that alone is over the limit, cut at a line or sentence end."""
    if len(block) <= WHOLE_CHARS:
        return block
    text = block[:WHOLE_CHARS]
    cut = max(text.rfind("\n"), *(text.rfind(end) + len(end) for end in ("다.", "요.")))
    if cut > WHOLE_CHARS // 2:
        return text[:cut].rstrip()
    opened = text.rfind("[")
    return text[: opened if opened > max(0, text.rfind("]")) else None].rstrip() + "…"
