"""A turn as the OpenAI Chat Completions API tells it: one completion, or the chunks of a stream.

Front ends of that API show its text and nothing else, so sources and offers follow the answer as lines of their own.
The same as data, and what else a turn says, is in `faqchat`, an object that other clients ignore.
"""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from faqchat.events import Delta, Done, Event, FollowUp, FollowUps, Outcome, Problem, Source, Sources, Start, Usage
from faqchat.openai_wire import OFFER, SOURCE
from faqchat.reply import ChatReply

MODEL = "smartstore-faq"
OWNER = "faqchat"
CREATED = 1_767_225_600  # of the model: clients want a number, and it says nothing
DONE = b"data: [DONE]\n\n"

_CITED = re.compile(r"\[(\d{1,2})\]")


class PromptTokensDetails(BaseModel):
    """Which part of the prompt was cheap."""

    cached_tokens: int


class CompletionUsage(BaseModel):
    """Tokens that were billed; zero where no model was asked."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class Extension(BaseModel):
    """What this chat says beyond a completion. The turn's id is what `/v1/turns/{turn_id}/feedback` takes."""

    session_id: str
    turn_id: str
    outcome: Outcome
    degraded: tuple[str, ...]
    sources: tuple[Source, ...]
    followups: tuple[FollowUp, ...]


class AssistantMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: None


class Choice(BaseModel):
    """The only answer."""

    index: Literal[0]
    message: AssistantMessage
    logprobs: None
    finish_reason: Literal["stop"]


class ChatCompletion(BaseModel):
    """A turn in one piece."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    faqchat: Extension


class ChunkDelta(BaseModel):
    """What a chunk adds."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: None = None


class ChunkChoice(BaseModel):
    """What a chunk adds to the only answer."""

    index: Literal[0]
    delta: ChunkDelta
    logprobs: None
    finish_reason: Literal["stop"] | None


class ChatCompletionChunk(BaseModel):
    """A piece of a streamed turn; the one with usage has no choices."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | None = None
    faqchat: Extension | None = None


class OpenAIError(BaseModel):
    """What went wrong; the message is Korean, for the end user."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorReply(BaseModel):
    """The body of an error, and the last thing that a stream says which failed."""

    error: OpenAIError


class Model(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """The models that can be asked: one."""

    object: Literal["list"]
    data: list[Model]


THE_MODEL = Model(id=MODEL, object="model", created=CREATED, owned_by=OWNER)


class CompletionStream:
    """One turn as the chunks of a stream."""

    def __init__(self, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._start: Start | None = None
        self._answer = ""
        self._sources: tuple[Source, ...] = ()
        self._followups: tuple[FollowUp, ...] = ()

    def encode(self, event: Event, _event_id: str = "") -> bytes:
        """The chunks that an event becomes, if any; a stream that failed ends without `[DONE]`."""
        match event:
            case Start():
                self._start = event
                return self._chunk(ChunkDelta(role="assistant", content="", refusal=None))
            case Sources():
                self._sources = event.sources
            case Delta():
                self._answer += event.text
                return self._chunk(ChunkDelta(content=event.text))
            case FollowUps():
                self._followups = event.followups
            case Done():
                return self._end(event)
            case Problem():
                return _data(error_of(event.status, event.detail))
        return b""

    def _end(self, done: Done) -> bytes:
        assert self._start
        shown = tail(self._answer, self._sources, self._followups)
        extension = Extension(
            session_id=self._start.session_id,
            turn_id=self._start.turn_id,
            outcome=done.outcome,
            degraded=done.degraded,
            sources=self._sources,
            followups=self._followups,
        )
        extension = Extension.model_validate(extension.model_dump())  # a chunk leaves out what nobody set
        return b"".join(
            [
                self._chunk(ChunkDelta(content=shown)) if shown else b"",
                self._chunk(ChunkDelta(), "stop", faqchat=extension),
                self._chunk(usage=done.usage) if self._include_usage else b"",
                DONE,
            ]
        )

    def _chunk(
        self,
        delta: ChunkDelta | None = None,
        finish_reason: Literal["stop"] | None = None,
        *,
        usage: Usage | None = None,
        faqchat: Extension | None = None,
    ) -> bytes:
        assert self._start
        chunk = ChatCompletionChunk(
            id=_id(self._start.turn_id),
            object="chat.completion.chunk",
            created=_created(self._start.turn_id),
            model=MODEL,
            choices=[ChunkChoice(index=0, delta=delta, logprobs=None, finish_reason=finish_reason)] if delta else [],
        )
        if self._include_usage:
            chunk.usage = _usage(usage) if usage else None
        if faqchat:
            chunk.faqchat = faqchat
        return _data(chunk)


def completion(reply: ChatReply) -> ChatCompletion:
    """A turn in one piece."""
    content = reply.answer + tail(reply.answer, reply.sources, reply.followups)
    message = AssistantMessage(role="assistant", content=content, refusal=None)
    return ChatCompletion(
        id=_id(reply.turn_id),
        object="chat.completion",
        created=_created(reply.turn_id),
        model=MODEL,
        choices=[Choice(index=0, message=message, logprobs=None, finish_reason="stop")],
        usage=_usage(reply.usage),
        faqchat=Extension(**reply.model_dump(include=set(Extension.model_fields))),
    )


def tail(answer: str, sources: Sequence[Source], followups: Sequence[FollowUp]) -> str:
    """What is shown after an answer: the sources that it cites, the first where it cites none, and the offers."""
    cited = {int(number) for number in _CITED.findall(answer)} & {*range(1, len(sources) + 1)}
    numbers = sorted(cited) or [1] * bool(sources)
    shown = [f"{SOURCE} [{number}] {sources[number - 1].question}" for number in numbers]
    offered = [f"{OFFER}{followup.text}" for followup in followups]
    return "".join("\n\n" + "\n".join(lines) for lines in (shown, offered) if lines)


def error_of(status: int, message: str, param: str | None = None, code: str | None = None) -> ErrorReply:
    """An error of an HTTP status."""
    kind = {409: "conflict_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
    return ErrorReply(
        error=OpenAIError(message=message, type="server_error" if status >= 500 else kind, param=param, code=code)
    )


def _data(said: BaseModel) -> bytes:
    return f"data: {said.model_dump_json(exclude_unset=True)}\n\n".encode()


def _id(turn_id: str) -> str:
    return f"chatcmpl-{turn_id}"


def _created(turn_id: str) -> int:
    """When the turn began: its id begins with the milliseconds."""
    return int(turn_id[:12], 16) // 1_000


def _usage(usage: Usage) -> CompletionUsage:
    return CompletionUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=usage.cached_tokens),
    )
