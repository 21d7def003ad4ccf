"""The server-sent events of a streamed chat completion, read and checked: bytes in, chunks out."""

from collections.abc import AsyncGenerator, AsyncIterator

from pydantic import BaseModel

from faqchat.errors import Busy, Unavailable
from faqchat.events import Usage

_BUSY_CODES = frozenset({"429", "rate_limit_exceeded"})


class _Delta(BaseModel):
    content: str | None = None  # `reasoning_content` and `reasoning` are not read: thoughts are not for the client


class _Choice(BaseModel):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _CachedTokens(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _CachedTokens | None = None


class _Error(BaseModel):
    code: str | int | None = None
    type: str | None = None


class Chunk(BaseModel):
    """One event. Servers leave out, or set to null, whatever they have nothing to say about."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: _Error | str | None = None
    object: str | None = None
    done: bool = False  # the `[DONE]` line

    @property
    def text(self) -> str:
        """The piece of the answer, if any."""
        return "".join(choice.delta.content or "" for choice in self.choices or () if choice.delta)

    @property
    def finish(self) -> str:
        """Why the model stopped, in its last chunk with a choice."""
        return next((choice.finish_reason for choice in self.choices or () if choice.finish_reason), "")

    @property
    def billed(self) -> Usage | None:
        """The tokens so far; only the last report counts."""
        if self.usage is None:
            return None
        details = self.usage.prompt_tokens_details
        return Usage(
            prompt_tokens=self.usage.prompt_tokens or 0,
            cached_tokens=(details.cached_tokens if details else None) or 0,
            completion_tokens=self.usage.completion_tokens or 0,
        )


async def read_chunks(pieces: AsyncIterator[bytes]) -> AsyncGenerator[Chunk, None]:
    """Every chunk as soon as its line is complete.

    The SDK's own reader hides `[DONE]`, without which an answer that a proxy cut short looks like a whole one from a
    server that sends no `finish_reason`. Raises `Busy` or `Unavailable` for an error object inside the stream, and
    pydantic's `ValidationError` for a line that is no chunk.
    """
    pending = b""
    async for piece in pieces:
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            field, _, data = line.strip().partition(b":")
            if field != b"data":
                continue
            if data.strip() == b"[DONE]":
                yield Chunk(done=True)
                continue
            chunk = Chunk.model_validate_json(data)
            if chunk.error is not None or chunk.object == "error":  # the second is how older vLLM says it
                raise _refusal(chunk.error)
            yield chunk


def _refusal(error: _Error | str | None) -> Unavailable:
    if isinstance(error, _Error) and (str(error.code) in _BUSY_CODES or error.type == "rate_limit_error"):
        return Busy("the model asked us to slow down inside its stream")
    return Unavailable("the model reported an error inside its stream")
