"""Text that still arrives, cut into sentences: each with the white space before it and the citations behind it."""

import re

CITATION = re.compile(r"\[\s*\d{1,2}(?:\s*,\s*\d{1,2})*\s*\](?!\()")

_STOP = re.compile(r"[.!?。]+[\"'”’)\]*_`]*")
_CITATIONS = re.compile(rf"(?:[ \t]*(?:{CITATION.pattern})[*_]*[.,]?)*")
_CITATION_TO_COME = re.compile(r"\[[\d\s,]*\]?$")
# 1. is a step, 3.5 a number, e.g. an abbreviation, and 참고. the label of what follows it
_NO_END = re.compile(r"(?:\d|\b[a-zA-Z]{1,3}|참고)$")


def first_sentence(text: str, *, whole: bool = False) -> str | None:
    """The sentence that a text begins with, a line at most; None where it may still go on, unless the text is whole."""
    begin = len(text) - len(text.lstrip())
    line_end = text.find("\n", begin)
    line = text[: line_end if line_end >= 0 else len(text)]
    for stop in _STOP.finditer(line, begin):
        if _NO_END.search(line, begin, stop.start()) or _open_brackets(line[begin : stop.end()]):
            continue
        found = _CITATIONS.match(line, stop.end())
        end = found.end() if found else stop.end()
        rest = line[end:]
        if line_end < 0 and not whole and (not rest.strip() or _CITATION_TO_COME.match(rest.lstrip())):
            return None
        if end > stop.end() or not rest or rest[0] in " \t[":
            return line[:end]
    return line if line.strip() and (line_end >= 0 or whole) else None


def sentences(text: str) -> list[str]:
    """The sentences of a whole text; joined, they are the text, but for white space at its end."""
    found: list[str] = []
    while sentence := first_sentence(text, whole=True):
        found.append(sentence)
        text = text[len(sentence) :]
    return found


def _open_brackets(text: str) -> bool:
    return text.count("(") > text.count(")") or text.count("[") > text.count("]")
