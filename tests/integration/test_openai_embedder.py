"""The embedder against a scripted OpenAI-compatible server, over real HTTP."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from faqchat.adapters.openai_embedder import OpenAIEmbedder
from faqchat.errors import Busy, Unavailable
from tests.scripted_openai import EMBEDDING_WIDTH, Reply, ScriptedOpenAI, Stream, embed, failure, hang, reset, tampered

TIMEOUT_S = 0.4


@pytest.fixture
def server() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as running:
        yield running


@pytest.fixture
async def embedder(server: ScriptedOpenAI) -> AsyncIterator[OpenAIEmbedder]:
    adapter = new_embedder(server.base_url)
    yield adapter
    await adapter.aclose()


def new_embedder(base_url: str) -> OpenAIEmbedder:
    return OpenAIEmbedder(
        base_url=base_url, api_key="", query_model="e5-query", passage_model="e5-passage", batch=4, timeout_s=TIMEOUT_S
    )


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


async def test_queries_and_passages_go_to_their_own_models(server, embedder):
    await embedder.queries(["배송비"])
    await embedder.passages(["배송비 안내"])
    assert [body["model"] for body in server.asked] == ["e5-query", "e5-passage"]
    assert server.exchanges[0].headers["authorization"] == "Bearer unused"


async def test_each_text_gets_its_own_vector_in_batches(server, embedder):
    texts = [f"{number}번 상품 등록" for number in range(10)]
    vectors = await embedder.passages(texts)
    assert [len(body["input"]) for body in server.asked] == [4, 4, 2]
    assert vectors == [pytest.approx(embed(text)) for text in texts]


async def test_similar_texts_are_near(embedder):
    one, near, far = await embedder.queries(["미성년자 판매 등록", "미성년자도 판매 등록 되나요", "오늘 날씨"])
    assert cosine(one, near) > cosine(one, far) + 0.2


async def test_no_texts_means_no_request(server, embedder):
    assert await embedder.queries([]) == []
    assert server.asked == []


async def test_texts_are_capped_and_made_sendable(server, embedder):
    await embedder.queries(["가" * 600, "a\x00b\ud800c", "\udfff"])
    await embedder.passages(["가" * 800])
    assert server.asked[0]["input"] == ["가" * 500, "abc", " "]
    assert server.asked[1]["input"] == ["가" * 700]


async def test_vectors_are_put_in_the_order_of_their_index(server, embedder):
    server.embeddings.append(tampered(lambda payload: payload["data"].reverse()))
    assert await embedder.queries(["배송", "정산"]) == [pytest.approx(embed("배송")), pytest.approx(embed("정산"))]


def _nothing(payload):
    payload["data"] = []


def _one_short(payload):
    payload["data"].pop()


def _one_more(payload):
    payload["data"].append({**payload["data"][0], "index": len(payload["data"])})


def _same_index(payload):
    payload["data"][1]["index"] = 0


def _not_a_number(payload):
    payload["data"][0]["embedding"][3] = math.nan


def _infinite(payload):
    payload["data"][0]["embedding"][3] = math.inf


def _null(payload):
    payload["data"][0]["embedding"][3] = None


def _no_direction(payload):
    payload["data"][0]["embedding"] = [0.0] * EMBEDDING_WIDTH


def _empty(payload):
    payload["data"][0]["embedding"] = []


def _narrow(payload):
    payload["data"][1]["embedding"].pop()


def _no_data(payload):
    del payload["data"]


@pytest.mark.parametrize(
    "change",
    [
        _nothing,
        _one_short,
        _one_more,
        _same_index,
        _not_a_number,
        _infinite,
        _null,
        _no_direction,
        _empty,
        _narrow,
        _no_data,
    ],
)
async def test_vectors_that_cannot_be_right_are_refused(server, embedder, change):
    server.embeddings.append(tampered(change))
    with pytest.raises(Unavailable):
        await embedder.queries(["배송", "정산"])


async def test_a_width_that_changes_is_refused(server, embedder):
    await embedder.queries(["배송"])
    server.embeddings.append(tampered(lambda payload: payload["data"][0]["embedding"].pop()))
    with pytest.raises(Unavailable, match="255 dimensions after 256"):
        await embedder.queries(["정산"])


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ([failure(429, "rate_limit_exceeded", retry_after="30")], Busy),
        ([failure(500), failure(500)], Unavailable),
        ([failure(401, "invalid_api_key")], Unavailable),
        ([Reply("not what was asked for")], Unavailable),
        ([Stream((hang(),))], Unavailable),
        ([Stream((reset(),)), Stream((reset(),))], Unavailable),
    ],
    ids=["429", "500-twice", "401", "other-json", "hang", "reset-twice"],
)
async def test_a_query_fails_in_the_words_of_the_domain_and_in_time(server, embedder, replies, error):
    server.embeddings.extend(replies)
    began = time.monotonic()
    with pytest.raises(error):
        await embedder.queries(["배송"])
    assert time.monotonic() - began < TIMEOUT_S + 0.6
    assert not server.embeddings  # nothing was asked less, or more often, than it says above
    assert len(server.exchanges) == len(replies)


@pytest.mark.parametrize("reply", [failure(500), Stream((reset(),))], ids=["500", "reset"])
async def test_a_query_is_asked_twice_where_that_may_help(server, embedder, reply):
    server.embeddings.append(reply)
    assert await embedder.queries(["배송"]) == [pytest.approx(embed("배송"))]


async def test_ingest_waits_as_long_as_the_provider_asks_for(server, embedder):
    server.embeddings.append(failure(429, "rate_limit_exceeded", retry_after_ms="50"))
    assert len(await embedder.passages(["배송"])) == 1


async def test_nobody_listening_is_unavailable():
    embedder = new_embedder("http://127.0.0.1:9/v1")
    with pytest.raises(Unavailable):
        await embedder.queries(["배송"])
    await embedder.aclose()


async def test_the_fingerprint_is_asked_for_once(server, embedder):
    first = await embedder.fingerprint()
    assert await embedder.fingerprint() is first
    assert len(server.asked) == 1
    assert (first.model, first.dimensions, len(first.probe)) == ("e5-passage", EMBEDDING_WIDTH, 32)
    assert all(round(value, 4) == value for value in first.probe)


async def test_a_fingerprint_that_failed_is_asked_for_again(server, embedder):
    server.embeddings.append(failure(401, "invalid_api_key"))
    with pytest.raises(Unavailable):
        await embedder.fingerprint()
    assert (await embedder.fingerprint()).dimensions == EMBEDDING_WIDTH


def test_one_embedder_serves_one_event_loop_after_another(server):
    """As where a command line ingests and then asks."""
    embedder = new_embedder(server.base_url)

    async def embedded() -> list[list[float]]:
        try:
            return await embedder.queries(["배송비"])
        finally:
            await embedder.aclose()

    assert asyncio.run(embedded()) == asyncio.run(embedded())
