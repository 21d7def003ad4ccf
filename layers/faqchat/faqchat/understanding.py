"""What a message means in its conversation, by rule and without a model: what to search for it.

The weights and what each rule adds are measured in docs/quality.md; the markers are closed classes of Korean
(demonstratives, particles, discourse markers), never content words.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from faqchat.conversation import Turn
from faqchat.index import Query
from faqchat.seller import about_the_seller, minority
from faqchat.smalltalk import too_vague

TITLE_WEIGHT = 0.5  # what the last answer was about, beside what the last question said
REWRITE_WEIGHT = 1.5  # more than any other query, less than all of them: it may be wrong
NAMED_WEIGHT = 0.5  # of the message with SmartStore's name beside the message without: .25 does equally well
STANDS_ALONE = 8  # a shorter last sentence ("돼요?") asks about the one before
MEANINGFUL_CHARS = 4  # what is left of a message must at least be a word to search


class Understanding(NamedTuple):
    """A message in its conversation. The first query is the message alone, the others are its continuations."""

    queries: tuple[Query, ...]
    leans: bool  # it cannot stand alone: a fragment, or something that points back; no first message, no new topic
    answered: str | None = None  # the entry that answered the question before; who asks on wants another
    named: str = ""  # the message with SmartStore's name, where it says it
    rewritten: str = ""  # a model's reading; only searched, never asked whether the message is in scope

    @property
    def searches(self) -> tuple[Query, ...]:
        """All that is searched: the queries, in their order, and behind them the name and the rewrite."""
        behind = (Query(self.named, NAMED_WEIGHT), Query(self.rewritten, REWRITE_WEIGHT))
        return (*self.queries, *(query for query in behind if query.text not in ("", self.alone)))

    @property
    def alone(self) -> str:
        """The message itself, with what is known of the seller."""
        return self.queries[0].text

    @property
    def text(self) -> str:
        """The fullest reading of the message."""
        return self.rewritten or (self.queries[1].text if len(self.queries) > 1 else self.alone)


_THING = r"(?:그|이|저)\s*(?:건|거는?|것은?|걸|얘기는?|얘긴|이야기는?|문제는?|부분은?)"
_NEW_TOPIC = re.compile(
    rf"(?:{_THING}\s*(?:이제|일단)?\s*(?:됐|그렇고|그만|끝났?|말고|빼고(?!\s*싶)|놔두고|제쳐|넘어가|알겠|이해)[가-힣]*"
    r"|(?:다른|딴|별개)\s*(?:질문|얘기|이야기|문의|주제|내용)[가-힣]*|(?:다른|딴)\s*거(?:요|예요|인데요?|하나)"
    r"|(?:얘기|이야기)는?\s*말고[가-힣]*|(?:이야기|화제|주제)를?\s*(?:바꿔|돌려)[가-힣]*"
    r"|그나저나|아무튼|어쨌든|각설하고|(?:^|[.,!?]\s*)됐고[가-힣]*|나중에\s*[가-힣]{1,4}게요|이번[엔에]는?)[\s.,!?~]*"
)
_ACKNOWLEDGEMENT = re.compile(
    r"^(?:(?:아+|오|음|네+|넵|넹|예|응|오케이|ok|그렇군요?|그래요|그렇구나|알겠[가-힣]*|이해[가-힣]*|감사[가-힣]*|고마[가-힣]*)[\s.,!~]+)+",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"^(?:그럼|그러면|그리고|그런데|근데|그래도|그래서|만약|혹시\s*그)"
    r"|(?:^|\s)(?:그|이|저)(?:거|건|것|걸|게|걸로|거로|기|렇게|\s?(?:때|중|쪽|상태|경우))"
    r"|(?:^|\s)(?:거기|여기|나머지|둘 다|위에|아까|방금)"
)
# A fragment ends in a particle, or in a condition, where a sentence would have its predicate: 법인은요? 태풍이어도요?
_FRAGMENT = re.compile(
    r"^\S+(?:\s\S+){0,3}(?:도|면|은|는|로|까지|부터|만|라도|에서|에도|하고|랑)요?[?\s]*$|[가-힣](?:면|도)요[?\s]*$"
)

# What the seller does not mean must not pull: "쿠폰 말고 포인트는요?" is about points.
_EXCLUDED = re.compile(r"(?:^|(?<=\s))\S{1,12}\s+(?:말고는?|아니고)[,\s]+")
# The product's own name says little: every entry is about it, and the few that name it would win. It tells the store
# from its parts all the same ("스마트스토어 탈퇴"), so that the message is searched without it first, then with it.
_OWN_NAME = re.compile(
    r"(?:네이버\s*)?(?:스마트\s*스토어|스스)(?:\s*센터)?(?:에서는|에서|에는|에|의|는|은|이|가|를|을|로|도)?(?=[\s?!.,]|$)"
)
# How a request ends says nothing of its subject, and the few entries that say it too would win: docs/quality.md
_REQUEST_ENDING = re.compile(
    r"(?: (?:좀 |한번 |꼭 )?(?:"
    r"(?:알려|가르쳐|설명해|안내해|말해|말씀해) ?"
    r"(?:주세요|주십시오|주시겠어요|주실래요|줘요?|줄래요?|(?:주실|줄) 수 있[가-힣]{1,4}|주시[면기] [가-힣]{2,8})"
    r"|알고 ?싶(?:어요?|습니다|은데요?)|궁금(?:합니다|해요?|한데요?|하네요|해서요)"
    r"|문의 ?(?:드립니다|드려요|드릴게요|합니다|해요)|여쭤 ?(?:봅니다|봐요|볼게요)|여쭙니다"
    r"|(?:(?:설명|안내|답변|확인|도움) ?)?부탁 ?(?:합니다|해요?|드립니다|드려요?|드릴게요)"
    r"))+[.!?~]*(?= |$)"
)

_SENTENCE = re.compile(r"(?<=[.!?~])\s+")
_BETWEEN_REQUESTS = re.compile(
    r"(?<=[.?!])\s+|(?<=[가-힣]고)[,\s]+|\s*,\s*|\s+(?:그리고|근데|그런데|또|아\s*참|참고로)\s+"
)
_ASKS = re.compile(
    r"\?|어떻게|뭐|무엇|언제|얼마|어디|왜|몇|누가|누구|어느|어떤|줘|주세요|줄래|주고|달라|부탁|추천|알려|가르쳐"
)


def understand(message: str, turns: Sequence[Turn]) -> Understanding:
    """What to search for a message.

    Alone and as a continuation, added up: the sum finds what an ellipsis means and still lets an unmarked change of
    topic win. A marked one ("그건 그렇고 …") is searched without the past.
    """
    heard = _heard(message)
    fresh = _after_marker(heard) if turns else ""
    told = _without(_EXCLUDED, fresh or heard)
    said = _without(_OWN_NAME, told)
    named = _subject(told) if _OWN_NAME.search(told) else ""
    if fresh or not turns:
        return Understanding((Query(f"{_subject(said)} {minority(message)}".strip()),), leans=False, named=named)
    past = _since_new_topic(turns)
    facts = about_the_seller([turn.message for turn in turns] + [message])
    asked = _subject(_last_sentence(said))
    before = [turn.message for turn in past[:-1] if not _asks(turn.message)]
    queries = [
        Query(f"{asked} {facts}".strip()),
        Query(" ".join(filter(None, (*before, _subject(past[-1].message), _subject(said), facts)))),
    ]
    found = [turn for turn in past if turn.sources]
    topic = next((turn for turn in reversed(found) if _asks(turn.message)), found[-1] if found else None)
    if topic:
        queries.append(Query(f"{topic.sources[0].question} {asked}", TITLE_WEIGHT))
    return Understanding(
        tuple(queries),
        leans=bool(_POINTS_BACK.search(said) or _FRAGMENT.search(said)),
        answered=topic.sources[0].faq_id if topic is past[-1] and _asks(topic.message) else None,
        named=named,
    )


def requests(message: str) -> list[str]:
    """The parts of a message that each ask for something, where there are two or more; else nothing."""
    parts = [part.strip() for part in _BETWEEN_REQUESTS.split(message)]
    asking = [part for part in parts if len(part) > MEANINGFUL_CHARS and _ASKS.search(part)]
    return asking if len(asking) > 1 else []


def _subject(message: str) -> str:
    return _without(_REQUEST_ENDING, message)


def _without(words: re.Pattern[str], message: str) -> str:
    """The message without those words, where something else is left to search."""
    rest = " ".join(words.sub(" ", message).split())
    return message if too_vague(rest) else rest


def _heard(message: str) -> str:
    return _ACKNOWLEDGEMENT.sub("", message).strip() or message


def _since_new_topic(turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns since the last marked change of topic."""
    begins = [i for i, turn in enumerate(turns) if i and _after_marker(_heard(turn.message))]
    return turns[begins[-1] :] if begins else turns


def _asks(message: str) -> bool:
    """Whether a message ends in a question; what a seller tells stays true, what they asked was answered."""
    return bool(_ASKS.search(_last_sentence(message)))


def _last_sentence(message: str) -> str:
    """What is asked, without what is told before it: that is context, as the turn before is."""
    last = _SENTENCE.split(message)[-1].strip()
    return last if _ASKS.search(last) and len(last) >= STANDS_ALONE else message


def _after_marker(message: str) -> str:
    """What follows the marker of a new topic; empty where there is none, or nothing to search behind it."""
    markers = list(_NEW_TOPIC.finditer(message))
    rest = message[markers[-1].end() :].strip() if markers else ""
    return rest if len(rest) >= MEANINGFUL_CHARS else ""
