"""Answers written by a chat model behind OpenAI's Chat Completions API: OpenAI, vLLM, SGLang, Ollama, a hosted one."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import Any, Literal, cast

import openai
from pydantic import ValidationError

from faqchat.adapters.chat_chunks import Chunk, read_chunks
from faqchat.adapters.openai_client import ProviderErrors, connect, second_try, translated
from faqchat.adapters.thoughts import ThoughtFilter
from faqchat.errors import Unavailable
from faqchat.events import Usage
from faqchat.prompt import CUT_NOTICE, Brief, Message, build_messages

Effort = Literal["", "none", "minimal", "low", "medium", "high"]

TOTAL_TIMEOUTS = 6  # a whole answer may take six times as long as one token: 700 tokens at 6 a second by default
USAGE_GRACE_S = 2.0  # between the last text and the usage report
DRAIN_S = 0.1  # after [DONE], so that the connection can be used again
CHARS_PER_TOKEN = 8  # more than any tokenizer packs into a token of Korean or English


class OpenAIChat:
    """A `Generator` and a `Writer`.

    Close the iterator of `generate` (`contextlib.aclosing`) to stop the model early; cancelling does that too.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str,
        api_key: str,
        timeout_s: float,
        max_tokens: int,
        reasoning_effort: Effort = "",
        retries: int = 0,
    ) -> None:
        self.name = model
        self._client = connect(base_url, api_key, timeout_s, retries)
        self._timeout_s = timeout_s
        self._max_tokens = max_tokens
        self._reasoning_effort = reasoning_effort
        self._begins_inside_thought = False  # learned from the last answer

    async def generate(self, brief: Brief) -> AsyncGenerator[str | Usage, None]:
        """Pieces of the answer as they come, at last a `Usage` (zeros where the server reports none).

        The first visible piece, and each further one, comes within the configured timeout; thinking counts as silence.
        Raises `Unavailable` otherwise (`Busy` for a 429), also after the first piece, and where there was no answer.
        """
        async with aclosing(self._stream(build_messages(brief))) as pieces:
            async for piece in pieces:
                yield piece

    async def write(self, messages: Sequence[Message]) -> tuple[str, Usage]:
        """The whole answer, collected; of one that was cut short, the lines that are whole."""
        text, usage = "", Usage()
        async for piece in self._stream(messages):
            if isinstance(piece, Usage):
                usage = piece
            else:
                text += piece
        said, cut, _ = text.partition(CUT_NOTICE)
        return said.rpartition("\n")[0] if cut else said, usage

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _stream(self, messages: Sequence[Message]) -> AsyncGenerator[str | Usage, None]:
        patience = _Patience(self._timeout_s)
        answer = _Answer(ThoughtFilter(begins_inside=self._begins_inside_thought), self._max_tokens * CHARS_PER_TOKEN)
        try:
            async with aclosing(self._chunks(messages, patience)) as chunks:
                async for chunk in chunks:
                    if text := answer.take(chunk):
                        yield text
                        patience.renew()
                    if answer.over:
                        break
                    if answer.finish:
                        patience.end_in(DRAIN_S if chunk.done else USAGE_GRACE_S)
        except Unavailable:
            if not answer.finish:  # else the answer is whole; only the usage report is missing
                self._learn(answer.thoughts)
                raise
        self._learn(answer.thoughts)
        for text in filter(None, answer.conclude(self.name)):
            yield text
        yield answer.usage

    def _learn(self, thoughts: ThoughtFilter) -> None:
        # also after a failure: a held answer that never came in time may have had no thoughts in it
        if thoughts.heard:
            self._begins_inside_thought = thoughts.began_inside

    async def _chunks(self, messages: Sequence[Message], patience: "_Patience") -> AsyncGenerator[Chunk, None]:
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout_at(patience.until):
                    response = await second_try(
                        lambda: stack.enter_async_context(self._request(messages)),
                        # a pooled connection that the server has just closed; for all else the caller has a next model
                        worth=(openai.APIConnectionError,),
                    )
                chunks = await stack.enter_async_context(aclosing(read_chunks(response.iter_bytes())))
                while True:
                    async with asyncio.timeout_at(patience.until):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        return
                    yield chunk
        except TimeoutError as error:
            raise Unavailable(f"{self.name} gave no text for too long") from error
        except (*ProviderErrors, ValidationError) as error:
            raise translated(error, self.name) from error

    def _request(self, messages: Sequence[Message]) -> AbstractAsyncContextManager[Any]:
        return self._client.chat.completions.with_streaming_response.create(
            model=self.name,
            messages=cast(Any, messages),
            stream=True,
            stream_options={"include_usage": True},
            # OpenAI's newer models refuse `max_tokens`; they, vLLM, SGLang and llama.cpp take this one. Where it is
            # ignored (Ollama), CHARS_PER_TOKEN ends the answer. No temperature: newer models refuse any but their own.
            max_completion_tokens=self._max_tokens,
            # the one switch that OpenAI, vLLM and Ollama share for "do not think"
            reasoning_effort=self._reasoning_effort or openai.omit,
        )


class _Answer:
    """What is known of an answer while it streams."""

    def __init__(self, thoughts: ThoughtFilter, max_chars: int) -> None:
        self.thoughts = thoughts
        self.usage = Usage()
        self.finish = ""
        self._room = max_chars

    @property
    def over(self) -> bool:
        """Nothing more of this stream is wanted."""
        return self.thoughts.leaked or self._room < 0

    def take(self, chunk: Chunk) -> str:
        """The text of a chunk that may be shown."""
        self.usage = chunk.billed or self.usage
        self.finish = chunk.finish or self.finish or ("stop" if chunk.done else "")
        text = self.thoughts.feed(chunk.text)
        self._room -= len(text)
        if self._room < 0:
            self.finish = "length"
        return "" if self.thoughts.leaked else text

    def conclude(self, model: str) -> Iterator[str]:
        """What is left to show. Raises `Unavailable` where all of it was no answer."""
        if self.thoughts.leaked:
            raise Unavailable(f"{model} thinks aloud without an opening tag: give its server a reasoning parser")
        if not self.finish:
            raise Unavailable(f"{model} broke off")
        if self.finish in {"content_filter", "error", "abort"}:
            raise Unavailable(f"{model} withheld its answer")
        yield self.thoughts.end(cut=self.finish == "length")
        if not self.thoughts.shown:
            raise Unavailable(f"{model} ended without an answer ({self.finish})")
        if self.finish == "length":
            yield CUT_NOTICE


class _Patience:
    """Until when the next piece of text may come."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._last = asyncio.get_running_loop().time() + TOTAL_TIMEOUTS * timeout_s
        self.until = 0.0
        self.renew()

    def renew(self) -> None:
        """A piece came; the next one has the full time again."""
        self.end_in(self._timeout_s)

    def end_in(self, seconds: float) -> None:
        """Nothing more than `seconds` is left."""
        self.until = min(asyncio.get_running_loop().time() + seconds, self._last)
