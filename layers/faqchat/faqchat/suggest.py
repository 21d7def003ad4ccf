"""Type-ahead: entries that the text typed so far may become, without asking any model.

Texts are compared as letters, not syllables, for a Hangul syllable is typed letter by letter: 배소 is on its way to
배송, and 간 to 가나.
"""

import re
import unicodedata
from collections import Counter
from functools import cached_property
from itertools import accumulate

from faqchat.catalogue import Catalogue
from faqchat.events import Suggestion
from faqchat.faq import Entry
from faqchat.followups import fold

MAX_CHARS = 100
LIMIT = 10
MOSTLY = 0.5
EXAMPLE_CHARS = range(8, 41)  # titles that read well on the first screen

# A consonant that closes a syllable is the same key as one that opens the next: ᆫ is ᄂ, and ᆪ is ᆨ and ᆺ.
_CLOSING = ["ᆨ", "ᆩ", "ᆨᆺ", "ᆫ", "ᆫᆽ", "ᆫᇂ", "ᆮ", "ᆯ", "ᆯᆨ", "ᆯᆷ", "ᆯᆸ", "ᆯᆺ", "ᆯᇀ", "ᆯᇁ", "ᆯᇂ", "ᆷ", "ᆸ", "ᆸᆺ", "ᆺ", "ᆻ", "ᆼ", "ᆽ", "ᆾ", "ᆿ", "ᇀ", "ᇁ", "ᇂ"]
_SINGLE = dict(zip("ᆨᆩᆫᆮᆯᆷᆸᆺᆻᆼᆽᆾᆿᇀᇁᇂ", "ᄀᄁᄂᄃᄅᄆᄇᄉᄊᄋᄌᄎᄏᄐᄑᄒ", strict=True))
_AS_OPENING = {0x11A8 + i: "".join(_SINGLE[one] for one in parts) for i, parts in enumerate(_CLOSING)}
_LONE_LETTERS = re.compile(r"[ㄱ-ㅎㅏ-ㅣ]+$")


def letters(text: str) -> str:
    """A text as the keys that type it, without spaces, punctuation and case."""
    return unicodedata.normalize("NFKD", fold(text)).translate(_AS_OPENING)


class Titles:
    """The titles of one catalogue, ready to be compared."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    @cached_property
    def typed(self) -> dict[str, tuple[str, frozenset[int]]]:
        """For each entry its title as letters, and where in them its words begin; 70 ms for 2,700 entries."""
        return {faq_id: _words(entry.title) for faq_id, entry in self.catalogue.entries.items()}

    @cached_property
    def examples(self) -> list[Entry]:
        """One entry of each tag, the largest tags first: the one that editors put forward most, if it reads well."""
        sizes = Counter(tag for entry in self.catalogue.entries.values() for tag in entry.tags)
        found: dict[str, Entry] = {}
        for entry in sorted(self.catalogue.entries.values(), key=self._forwardness, reverse=True):
            if len(entry.title) in EXAMPLE_CHARS and entry.title.endswith("?"):
                for tag in entry.tags[:1]:
                    found.setdefault(tag, entry)
        return [found[tag] for tag, _ in sizes.most_common() if tag in found]

    def beginning(self, text: str) -> list[Entry]:
        """Entries whose title goes on as typed: from its beginning, then from a later word, then from anywhere."""
        wanted = letters(text)
        ranked = {faq_id: rank for faq_id, typed in self.typed.items() if (rank := _rank(*typed, wanted)) is not None}
        entries = (self.catalogue.entries[faq_id] for faq_id in ranked)
        return sorted(entries, key=lambda one: (ranked[one.faq_id], -self._forwardness(one), len(one.title)))

    def _forwardness(self, entry: Entry) -> float:
        return self.catalogue.prominence.get(entry.faq_id, 0.0)


class TypeAhead:
    """Suggests entries of the current catalogue."""

    def __init__(self) -> None:
        self._titles: Titles | None = None

    def suggest(self, typed: str, catalogue: Catalogue, limit: int) -> tuple[Suggestion, ...]:
        """The best entries for what is typed so far; examples of the FAQ's largest tags for nothing."""
        if self._titles is None or self._titles.catalogue.manifest is not catalogue.manifest:
            self._titles = Titles(catalogue)
        if letters(typed):
            found = self._titles.beginning(typed)
            if len(found) < limit:
                found += _by_keyword(typed, catalogue, limit)
        else:
            found = self._titles.examples
        return tuple(
            Suggestion(faq_id=entry.faq_id, question=entry.question, tags=entry.tags)
            for entry in list(dict.fromkeys(found))[:limit]
        )


def _by_keyword(typed: str, catalogue: Catalogue, limit: int) -> list[Entry]:
    whole = _LONE_LETTERS.sub("", typed)
    if catalogue.asked.unknown_share(whole) >= MOSTLY:
        return []  # a word in common by chance
    return [catalogue.entries[hit.faq_id] for hit in catalogue.asked.search(whole, limit)]


def _words(title: str) -> tuple[str, frozenset[int]]:
    words = [*map(letters, title.split())]
    return "".join(words), frozenset(accumulate(map(len, words[:-1]), initial=0))


def _rank(title: str, begins: frozenset[int], wanted: str) -> int | None:
    """0 where the title begins so, 1 where a later word does, 2 where it stands elsewhere; None where nowhere."""
    if wanted not in title:
        return None
    if title.startswith(wanted):
        return 0
    return 1 if any(title.startswith(wanted, begin) for begin in begins) else 2
