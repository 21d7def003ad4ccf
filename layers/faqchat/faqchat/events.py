"""The wire contract: what a client sends, and the typed events that come back, one JSON object each."""

import json
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

MAX_MESSAGE_CHARS = 2_000
SESSION_ID = r"^[A-Za-z0-9_-]{32}$"
DECLINED = "저는 스마트 스토어 FAQ를 위한 챗봇입니다. 스마트 스토어에 대한 질문을 부탁드립니다."
FAQ_ID = r"^[0-9a-f]{12}$"
TURN_ID = r"^[0-9a-f]{44}$"
EVENT_ID = r"^[0-9a-f]{44}:[0-9]{1,6}$"  # a turn, and the number of the event in it
MAX_COMMENT_CHARS = 500
VISIBLE = r"[^\s\x00-\x1f\x7f\u200b-\u200d\ufeff]"  # what is left of a message without any is empty

Outcome = Literal["answered", "declined", "greeting", "clarify", "cancelled"]
Rating = Literal["up", "down"]
Reason = Literal["wrong", "incomplete", "unclear", "off_topic", "other"]


class ChatRequest(BaseModel):
    """One message of a seller.

    `followup_id` names the FAQ entry of the offer that was clicked. `replaces` names the conversation's last turn,
    where the seller wants another answer to it.
    """

    model_config = ConfigDict(extra="forbid")

    # said in the schema, and refused by `chat.accept`, which tells a person why
    message: Annotated[str, Field(json_schema_extra={"maxLength": MAX_MESSAGE_CHARS, "pattern": VISIBLE})]
    session_id: Annotated[str, StringConstraints(pattern=SESSION_ID)] | None = None
    followup_id: Annotated[str, StringConstraints(pattern=FAQ_ID)] | None = None
    replaces: Annotated[str, StringConstraints(pattern=TURN_ID)] | None = None


class FeedbackRequest(BaseModel):
    """What a seller thinks of an answer."""

    model_config = ConfigDict(extra="forbid")

    rating: Rating
    reason: Reason | None = None
    comment: Annotated[str, StringConstraints(max_length=MAX_COMMENT_CHARS)] = ""


class Cancelled(BaseModel):
    """What became of a request to stop a turn."""

    turn_id: str
    status: Literal["cancelling", "ended"]


class Source(BaseModel):
    """A FAQ entry that the answer rests on; `score` only orders the sources of one turn."""

    model_config = ConfigDict(frozen=True)

    faq_id: str
    question: str
    tags: tuple[str, ...] = ()
    score: float
    excerpt: str


class RelatedEntry(BaseModel):
    """An entry that the editors linked."""

    model_config = ConfigDict(frozen=True)

    faq_id: str
    question: str


class Suggestion(BaseModel):
    """An entry that the text typed so far may become."""

    model_config = ConfigDict(frozen=True)

    faq_id: str
    question: str
    tags: tuple[str, ...]


class Suggestions(BaseModel):
    """The best suggestions, best first."""

    suggestions: tuple[Suggestion, ...]


class WholeEntry(BaseModel):
    """A FAQ entry to read in full."""

    model_config = ConfigDict(frozen=True)

    faq_id: str
    question: str
    tags: tuple[str, ...]
    answer: str
    related: tuple[RelatedEntry, ...]


class FollowUp(BaseModel):
    """An offer; the entry that it names answers it."""

    model_config = ConfigDict(frozen=True)

    faq_id: str
    text: str


class Usage(BaseModel):
    """Tokens that a chat model billed for one turn, its rewrite included; zero where no model was asked."""

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


class Start(BaseModel):
    """First, at once."""

    type: Literal["start"] = "start"
    session_id: str
    turn_id: str
    model: str


class Sources(BaseModel):
    """Before the first text."""

    type: Literal["sources"] = "sources"
    sources: tuple[Source, ...]


class Delta(BaseModel):
    """A piece of the answer."""

    type: Literal["delta"] = "delta"
    text: str


class FollowUps(BaseModel):
    """What the seller may want to know next."""

    type: Literal["followups"] = "followups"
    followups: tuple[FollowUp, ...]


class Done(BaseModel):
    """The turn ended well.

    `degraded` names what could not be reached, that no `rewrite` came, or that `grounding` corrected the answer.
    """

    type: Literal["done"] = "done"
    outcome: Outcome
    degraded: tuple[str, ...] = ()
    usage: Usage = Usage()
    cost_usd: float = 0.0
    timings_ms: dict[str, float] = Field(default_factory=dict)


class Problem(BaseModel):
    """RFC 9457 problem details: the body of an HTTP error, and the event that ends a stream which failed."""

    type: str
    title: str
    status: int
    detail: str
    trace_id: str


Event = Start | Sources | Delta | FollowUps | Done | Problem
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Numbered(NamedTuple):
    """An event and its place in its turn, which begins at 0."""

    number: int
    event: Event


def event_name(event: Event) -> str:
    """The SSE `event:` field; a problem's own `type` is a URI, so its event is called error."""
    return "error" if isinstance(event, Problem) else event.type


def as_json(event: Event) -> str:
    """An event as it goes over the wire: one line, Korean readable."""
    return json.dumps(event.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))


def encode_sse(event: Event, event_id: str) -> bytes:
    """One server-sent event. JSON has no raw line break, so one data line is enough."""
    return f"event: {event_name(event)}\nid: {event_id}\ndata: {as_json(event)}\n\n".encode()
