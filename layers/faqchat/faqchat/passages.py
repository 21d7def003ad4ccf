"""Answers cut into passages small enough for one embedding each."""

import re

PASSAGE_CHARS = 220  # chunks of about this length won over whole bodies: see docs/quality.md

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def split_passages(answer: str, limit: int = PASSAGE_CHARS) -> list[str]:
    """Consecutive lines packed into passages of at most about `limit` characters; no text is lost."""
    passages: list[str] = []
    current = ""
    for piece in _pieces(answer, limit):
        if current and len(current) + 1 + len(piece) > limit:
            passages.append(current)
            current = piece
        else:
            current = f"{current} {piece}".strip()
    if current:
        passages.append(current)
    return passages


def _pieces(answer: str, limit: int) -> list[str]:
    pieces: list[str] = []
    for line in answer.split("\n"):
        for sentence in _SENTENCE_END.split(line):
            pieces.extend(sentence[i : i + limit] for i in range(0, len(sentence), limit))
    return [piece for piece in pieces if piece.strip()]
