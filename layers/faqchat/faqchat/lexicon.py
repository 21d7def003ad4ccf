"""The seller's words beside the FAQ's: what to search as well when a seller says 손님 and the FAQ says 구매자."""

from collections.abc import Iterable
from importlib.resources import files
from typing import NamedTuple


class Lexicon(NamedTuple):
    """Pairs of (what a seller types, without spaces; the words of the FAQ that it stands for)."""

    pairs: tuple[tuple[str, str], ...]

    def expand(self, text: str) -> str:
        """The FAQ words for every phrase of the text that the lexicon knows; empty where it knows none."""
        folded = "".join(text.lower().split())
        return " ".join(meaning for phrase, meaning in self.pairs if phrase in folded)


def parse_lexicon(lines: Iterable[str]) -> Lexicon:
    """Two columns apart by a tab; lines that start with # are comments."""
    rows = (line.rstrip("\n").split("\t") for line in lines if line.strip() and not line.startswith("#"))
    return Lexicon(tuple(("".join(phrase.lower().split()), meaning) for phrase, meaning in rows))


def load_lexicon() -> Lexicon:
    """The lexicon that comes with the package."""
    text = files("faqchat").joinpath("language/lexicon.tsv").read_text("utf-8")
    return parse_lexicon(text.splitlines())
