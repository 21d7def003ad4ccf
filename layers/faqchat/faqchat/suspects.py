"""Entries whose answer looks misplaced: reported by ingest, never edited."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from faqchat.faq import Entry, Suspect
from faqchat.tokens import tokens

POOR_FIT = 0.28  # one answer in ten repeats less than this of its own question
RUN = 3  # answers slip in rows; a single poor fit is usually just a terse answer
REACH = 2  # how far beyond a row the right question may stand
BETTER = 0.05  # how much more of another question a slipped answer repeats
LONG_ENOUGH = 60  # characters; "예, 가능합니다." may well stand twice


def find_suspects(entries: Sequence[Entry]) -> list[Suspect]:
    """Answers given twice to unlike questions, and rows of answers that all fit a neighbour's question better."""
    titles = [set(tokens(entry.title)) for entry in entries]
    answers = [set(tokens(entry.answer)) for entry in entries]
    counts = Counter(token for title in titles for token in title)
    rarity = {token: math.log(1 + len(titles) / count) for token, count in counts.items()}

    def fit(question: set[str], answer: set[str]) -> float:
        total = sum(rarity[token] for token in question)
        return sum(rarity[token] for token in question & answer) / total if total else 0.0

    own = [fit(title, answer) for title, answer in zip(titles, answers, strict=True)]
    found: dict[int, str] = {}
    first_with: dict[str, int] = {}
    for i, entry in enumerate(entries):
        twin = first_with.setdefault(entry.answer, i)
        if twin != i and len(entry.answer) >= LONG_ENOUGH and fit(titles[twin], answers[i]) > own[i] + BETTER:
            found[i] = f"repeats the answer of '{entries[twin].question}' and fits it less"
    for start, end in _runs([fitting < POOR_FIT for fitting in own]):
        near = range(max(0, start - REACH), min(len(entries), end + REACH))
        best = {i: max((fit(titles[j] - titles[i], answers[i]), -j) for j in near if j != i) for i in range(start, end)}
        if all(fitting > own[i] + BETTER for i, (fitting, _) in best.items()):
            found |= {i: f"its answer fits '{entries[-j].question}' better" for i, (_, j) in best.items()}
    return [Suspect(entries[i].faq_id, entries[i].question, reason) for i, reason in sorted(found.items())]


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Half-open ranges of at least RUN flags in a row."""
    start = 0
    for i, flag in enumerate([*flags, False]):
        if not flag:
            if i - start >= RUN:
                yield start, i
            start = i + 1
