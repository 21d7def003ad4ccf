"""What to offer next: questions that a named FAQ entry answers, phrased as offers."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from faqchat.events import FollowUp
from faqchat.faq import Entry
from faqchat.tokens import tokens

COUNT = 3
ALIKE = 0.5  # two titles that share this much of their tokens are one topic
STANDS_ALONE = 18  # characters; a shorter last sentence leans on the one before: "가능한가요?"

_ASIDE = re.compile(r"(?:\s*\([^()]*\))+\s*$")
_SENTENCE = re.compile(r"(?<=[가-힣])[.?!]+\s+")
_BARE_WHY = re.compile(
    r"^(?:그 |이 )?(?:이유[가는]? ?|원인[이은]? ?)?(?:왜 ?(?:그런|그렇|이런)[가-힣]*|무엇인가요|뭔가요|궁금[가-힣]+)$"
    r"|^(?:왜|이유가 뭐|어떻게 (?:하나요|해야 하나요|되나요|하면 되나요|해야 되나요|해결하나요))[가-힣]*$"
)
_WISH = re.compile(r"고 ?싶(?:어요|습니다|은데요?)$")
_ASKS = re.compile(r"(?:나요|가요|까요)$")
# What a seller reports, and how it reads as a condition.
_CASES = (
    (_WISH, "고 싶을 때"),
    (re.compile(r"(?:입니다|이에요|예요)$"), "인 경우"),
    (re.compile(r"(?<=필요|가능|불가)(?:합니다|해요)$"), "한 경우"),
    (re.compile(r"(?:했|하였)(?:습니다|어요)$"), "한 경우"),
    (re.compile(r"(?:됐|되었)(?:습니다|어요)$"), "된 경우"),
    (re.compile(r"(?:됩니다|돼요)$"), "되는 경우"),
    (re.compile(r"합니다$"), "하는 경우"),
    (re.compile(r"(?<=[있없])(?:습니다|어요)$"), "는 경우"),
)
# A direct question and the indirect one that it becomes; the first that matches wins. Clauses end in 지.
_INDIRECT = (
    (
        re.compile(
            r"(?:이|가|은|는|을|를|에 대해)?(?:\s*(?:간단|자세)(?:히|하게))?"
            r"\s*(?:궁금해요|궁금합니다|알고 ?싶어요|알고 ?싶습니다|알려 ?주세요)$"
        ),
        "",
    ),
    (_WISH, "는 방법"),
    (re.compile(r"\s*(?:이란|란)(?: 무엇인가요| 뭔가요)?$"), "의 뜻과 내용"),
    (re.compile(r"뭔가요$"), "무엇인지"),
    (re.compile(r"걸까요$"), "건지"),
    (re.compile(r"다르나요$"), "다른지"),
    (re.compile(r"(?<=[좋많높낮같])나요$"), "은지"),
    (re.compile(r"(?<=필요|가능|불가|동일)하나요$"), "한지"),
    (re.compile(r"(?<=[가-힣])나요$"), "는지"),
    (re.compile(r"(?<=[가-힣])[가까]요$"), "지"),
)
_READ_CLOSED = frozenset("013678LMNRlmnr")  # read aloud they end in a consonant: 영, 일, 엘, 엠


def offer(entry: Entry) -> str:
    """The entry's question as an offer."""
    return f"{_asked(entry.title, '을', '를')} 안내해 드릴까요?"


def guess(entry: Entry) -> str:
    """The entry's question as a guess at what the seller may have meant; said with a refusal."""
    return f"{_asked(entry.title, '이', '가')} 궁금하신가요?"


def _asked(title: str, after_consonant: str, after_vowel: str) -> str:
    """A title as what is offered: a clause in 지 as it is, anything else with its particle."""
    text = _ASIDE.sub("", title).strip("★ ").rstrip("?.!~ ")
    asked = _indirect(text)
    clause = asked.endswith("지") and _ASKS.search(text)
    return asked if clause else _with(asked, after_consonant, after_vowel)


def _indirect(text: str) -> str:
    first, *rest = _SENTENCE.split(text)
    last = rest[-1] if rest else first
    if rest and _BARE_WHY.match(last):
        return _WISH.sub("는 방법", first) if _WISH.search(first) else f"‘{first}’ 상황의 원인과 해결 방법"
    if rest and len(last) <= STANDS_ALONE:
        before = text.removesuffix(last).rstrip("?.! ")
        if _ASKS.search(before):
            last = _SENTENCE.split(before)[-1]
        elif asked := _first_match(_INDIRECT, last):
            return f"{_first_match(_CASES, before) or f'‘{before}’ 상황에서'} {asked}"
    return _first_match(_INDIRECT, last) or (
        f"‘{text}’ 관련 내용" if re.search(r"(?:[요다죠]|[다라]면)$", text) else text.removesuffix(" 안내")
    )


def _first_match(rules: Iterable[tuple[re.Pattern[str], str]], text: str) -> str:
    """The text rewritten by the first rule that knows its ending; empty where none does."""
    return next((pattern.sub(ending, text).strip() for pattern, ending in rules if pattern.search(text)), "")


def _with(noun: str, after_consonant: str, after_vowel: str) -> str:
    """The noun with the particle that its last syllable asks for."""
    last = noun.rstrip("'\"’”)] ")[-1:]
    closed = (ord(last) - ord("가")) % 28 > 0 if "가" <= last <= "힣" else last in _READ_CLOSED
    return noun + (after_consonant if closed else after_vowel)


def pick(candidates: Iterable[Entry], avoid: Collection[str], *, near: Iterable[Entry] = ()) -> list[Entry]:
    """The first entries that are not to be avoided and differ in topic from each other and from `near`."""
    chosen: list[Entry] = []
    taken = [set(tokens(entry.title)) for entry in near]
    for entry in candidates:
        if entry.faq_id in avoid or any(entry.faq_id == other.faq_id for other in chosen):
            continue
        words = set(tokens(entry.title))
        if any(_overlap(words, other) > ALIKE for other in taken):
            continue
        chosen.append(entry)
        taken.append(words)
        if len(chosen) == COUNT:
            break
    return chosen


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))


def offers(entries: Iterable[Entry], named: Mapping[str, str]) -> tuple[FollowUp, ...]:
    """Entries as offers, in words that `named` resolves to the entry; one that has no such words is left out."""
    return _worded(entries, named, offer)


def guesses(entries: Iterable[Entry], named: Mapping[str, str]) -> tuple[FollowUp, ...]:
    """Entries as guesses, worded as offers are."""
    return _worded(entries, named, guess)


def _worded(entries: Iterable[Entry], named: Mapping[str, str], phrase: Callable[[Entry], str]) -> tuple[FollowUp, ...]:
    found = (
        (entry.faq_id, next((text for text in _wordings(entry, phrase) if named.get(fold(text)) == entry.faq_id), ""))
        for entry in entries
    )
    return tuple(FollowUp(faq_id=faq_id, text=text) for faq_id, text in found if text)


def _wordings(entry: Entry, phrase: Callable[[Entry], str]) -> tuple[str, ...]:
    """The phrase, and with the entry's tags before it where another entry may have the same title."""
    text = phrase(entry)
    return (text, f"[{'·'.join(entry.tags)}] {text}") if entry.tags else (text,)


def starters(entries: Mapping[str, Entry]) -> list[Entry]:
    """Where to begin: the entries that editors link to most, then the others in their order."""
    linked = Counter(other for entry in entries.values() for other in entry.related if other in entries)
    return pick((*(entries[faq_id] for faq_id, _ in linked.most_common()), *entries.values()), avoid=())


def fold(text: str) -> str:
    """A text as it is compared: letters and digits only."""
    return re.sub(r"\W", "", text.lower())


def names(entries: Iterable[Entry]) -> dict[str, str]:
    """Every text that names one entry, folded, to its id: its question, its title, its offers and its guesses.

    What names an entry with its tags goes before what names another without them.
    """
    worded = [(entry, _wordings(entry, offer), _wordings(entry, guess)) for entry in entries]
    whole = _unambiguous((entry, (entry.question, offered[-1], guessed[-1])) for entry, offered, guessed in worded)
    short = _unambiguous((entry, (entry.title, offered[0], guessed[0])) for entry, offered, guessed in worded)
    return {text: faq_id for text, faq_id in (short | whole).items() if faq_id}


def _unambiguous(texts: Iterable[tuple[Entry, Iterable[str]]]) -> dict[str, str | None]:
    """Texts, folded, to the id of their entry; to None where they have two."""
    found: dict[str, str | None] = {}
    for entry, named in texts:
        for text in filter(None, map(fold, named)):
            found[text] = entry.faq_id if found.setdefault(text, entry.faq_id) == entry.faq_id else None
    return found
