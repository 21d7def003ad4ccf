"""What a client of the OpenAI Chat Completions API asks, as this chat understands it: a question and the turns before.

Such a client keeps the conversation itself and sends all of it each time. What an answer said of its sources and offers
is read from its text again, the way `openai_reply` wrote it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any, Literal

from pydantic import BaseModel, Field

from faqchat.catalogue import Catalogue
from faqchat.chat import named_entry
from faqchat.conversation import Turn
from faqchat.errors import InvalidRequest
from faqchat.events import MAX_MESSAGE_CHARS, FollowUp, Source
from faqchat.followups import fold
from faqchat.personal import mask

OFFER = "- "  # how a line begins that offers a question
SOURCE = "출처"

_SOURCE_LINE = re.compile(rf"{SOURCE} \[\d+\] (.+)")


class ContentPart(BaseModel):
    """A piece of a message; only `text` is read."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """A message of the conversation. Those of `user` and `assistant` count, instructions and tool results do not."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None


class StreamOptions(BaseModel):
    """What a stream says beside the text."""

    include_usage: bool | None = None


class ResponseFormat(BaseModel):
    """Answers are text."""

    type: str


class ChatCompletionRequest(BaseModel):
    """A request to continue a conversation that ends with a message of the user.

    Any model name is taken. Parameters that are not listed are ignored, and so are tools unless a call is required.
    """

    model: str = ""
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: ResponseFormat | None = None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with what it cost."""
        return bool(self.stream_options and self.stream_options.include_usage)


class Unusable(InvalidRequest):
    """The request asks for what this chat does not do; `param` names where."""

    def __init__(self, detail: str, param: str) -> None:
        super().__init__(detail)
        self.param = param


def question(request: ChatCompletionRequest) -> str:
    """The message to answer. Raises `Unusable`."""
    if request.n is not None and request.n != 1:
        raise Unusable("답변은 한 번에 하나만 받을 수 있습니다. n은 1이어야 합니다.", "n")
    if request.tool_choice not in (None, "none", "auto"):
        raise Unusable("도구 호출은 지원하지 않습니다.", "tool_choice")
    if request.response_format and request.response_format.type != "text":
        raise Unusable("답변은 텍스트로만 받을 수 있습니다.", "response_format")
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.content if isinstance(message.content, list) else ()):
            if message.role == "user" and part.type != "text":
                raise Unusable("텍스트만 보낼 수 있습니다.", f"messages[{i}].content[{j}].type")
    if request.messages[-1].role != "user":
        raise Unusable("마지막 메시지는 사용자의 질문이어야 합니다.", f"messages[{len(request.messages) - 1}].role")
    return _text(request.messages[-1])


def past(request: ChatCompletionRequest, catalogue: Catalogue, limit: int) -> list[Turn]:
    """The last `limit` turns before the question, oldest first, with the sources and offers that can be told."""
    turns: list[Turn] = []
    exchanges = [*_exchanges(request.messages[:-1])]
    for asked, answer in exchanges[max(len(exchanges) - limit, 0) :]:
        message = mask(asked, catalogue.hotlines)
        said, sources, followups = _read(answer, catalogue.named)
        chosen = named_entry(message, None, turns, catalogue)
        faq_ids = dict.fromkeys([*([chosen.faq_id] if chosen else ()), *sources])
        cited = (catalogue.entries[faq_id] for faq_id in faq_ids)
        turns.append(
            Turn(
                session_id="",
                turn_id="",
                message=message,
                query=message,
                answer=said,
                sources=tuple(
                    Source(faq_id=entry.faq_id, question=entry.question, tags=entry.tags, score=0.0, excerpt="")
                    for entry in cited
                ),
                followups=followups,
            )
        )
    return turns


def param_of(place: Iterable[str | int]) -> str | None:
    """The place of a validation error as OpenAI writes it: `messages[0].content`; None for the whole body."""
    named = takewhile(lambda step: isinstance(step, int) or step in _FIELDS, place)
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in named)
    return path[1:] if path.startswith(".") else None


_FIELDS = {
    name
    for model in (ChatCompletionRequest, ChatMessage, ContentPart, StreamOptions, ResponseFormat)
    for name in model.model_fields
}


def _text(message: ChatMessage) -> str:
    if isinstance(message.content, list):
        return "\n".join(part.text for part in message.content if part.type == "text")
    return message.content or ""


def _exchanges(messages: Iterable[ChatMessage]) -> Iterator[tuple[str, str]]:
    """Each message of the user, as long as this chat takes one, with what was answered."""
    asked: str | None = None
    answer = ""
    for message in messages:
        if message.role == "user":
            if asked is not None:
                yield asked, answer
            asked, answer = _text(message)[:MAX_MESSAGE_CHARS], ""
        elif message.role == "assistant":
            answer = f"{answer}\n{_text(message)}".strip()
    if asked is not None:
        yield asked, answer


def _read(content: str, named: Mapping[str, str]) -> tuple[str, list[str], tuple[FollowUp, ...]]:
    """An answer, the ids of its sources, and its offers, from the text that showed all of them."""
    lines = content.split("\n")
    offers: list[FollowUp] = []
    sources: list[str] = []
    while lines:
        line = lines[-1].strip()
        source = _SOURCE_LINE.fullmatch(line)
        if line.startswith(OFFER) and (faq_id := named.get(fold(line))) and not sources:
            offers.insert(0, FollowUp(faq_id=faq_id, text=line.removeprefix(OFFER)))
        elif source and (faq_id := named.get(fold(source[1]))):
            sources.insert(0, faq_id)
        elif line:
            break
        lines.pop()
    return "\n".join(lines), sources, tuple(offers)
