"""Korean text to keyword tokens, without a dictionary."""

import re

VERSION = 1  # of what `tokens` gives: stored keyword indexes of another version are not used

_WORD = re.compile(r"[가-힣]+|[a-z0-9]+|[ㄱ-ㅎㅏ-ㅣ]+")


def words(text: str) -> list[str]:
    """Runs of Hangul, of Latin letters and digits, lower-cased."""
    return _WORD.findall(text.lower())


def tokens(text: str) -> list[str]:
    """Two-syllable pieces of Hangul words, the pieces that cross a space, and other words whole.

    Particles and endings then cost one piece instead of the word, and spacing mistakes cost nothing:
    against morphemes from a 90 MB model this is level (docs/quality.md).
    """
    found: list[str] = []
    previous = ""
    for word in words(text):
        if not "가" <= word[0] <= "힣":
            found.append(word)
            previous = ""
            continue
        if previous:
            found.append(previous[-1] + word[0])
        found.extend(word[i : i + 2] for i in range(len(word) - 1))
        if len(word) == 1:
            found.append(word)
        previous = word
    return found
