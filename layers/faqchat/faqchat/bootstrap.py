"""Where real things are made and put together; nothing else constructs an adapter.

Everything is made on first use and kept, so importing the module costs nothing and a cold start pays only for what
its first question needs; `preload` has it paid for before there is one.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING

from faqchat.catalogue import Catalogues
from faqchat.centring import CentredEmbedder, load_centre
from faqchat.chat import ChatService
from faqchat.conversation import new_session_id
from faqchat.errors import FaqChatError
from faqchat.expand import Expansion
from faqchat.extractive import Extractive
from faqchat.grounding import Grounded
from faqchat.guardrail import Guardrail
from faqchat.ingest import Ingest
from faqchat.lexicon import load_lexicon
from faqchat.pipeline import Pipeline
from faqchat.ports import Archive, Embedder, Generator, History, LexicalIndex, Runs, Snapshots
from faqchat.pricing import Price
from faqchat.readiness import Check
from faqchat.report import Nearest, NearestEntries
from faqchat.retriever import Retriever
from faqchat.rewriting import Rewriter
from faqchat.scope import load_gate, scope_banks
from faqchat.settings import Settings
from faqchat.suggest import TypeAhead
from faqchat.tokens import tokens
from faqchat.turns import Turns

if TYPE_CHECKING:
    from faqchat.adapters.milvus import MilvusVectors
    from faqchat.adapters.openai_chat import OpenAIChat
    from faqchat.adapters.sqs import SqsPipelineQueue
    from faqchat.adapters.turn_log import DynamoTurnLog

WRITER_RETRIES = 3  # nobody waits for an utterance, so Retry-After is honoured, within the model's timeout


@cache
def settings() -> Settings:
    """The process's settings, read once; raises `Unavailable` where their secret cannot be."""
    chosen = Settings()
    if not chosen.secret_name:
        return chosen
    from faqchat.adapters.secrets import read_secret

    return chosen.filled(read_secret(chosen.secret_name))


@cache
def chat_service() -> ChatService:
    """The service that answers messages."""
    chosen = settings()
    return ChatService(
        catalogues(),
        Retriever(embedder(), vectors()),
        Guardrail(load_gate(), chosen.scope_threshold),
        generators=generators(),
        history=history(),
        price=price(),
        history_turns=chosen.history_turns,
        history_tokens=chosen.history_tokens,
        rewriter=rewriter(),
    )


@cache
def turns() -> Turns:
    """The turns of that service, which outlive their connections."""
    log = turn_log()
    return Turns(chat_service(), history(), log, log, grace_s=settings().resume_grace_s)


@cache
def ingest() -> Ingest:
    """The service that brings the index up to a FAQ file."""
    chosen = settings()
    return Ingest(
        embedder(), vectors(), snapshots(), scope_banks(), batch=chosen.embedding_batch, name=chosen.milvus_alias
    )


@cache
def runs() -> Runs:
    """The record of the pipeline's runs."""
    from faqchat.adapters.runs_table import DynamoRuns

    return DynamoRuns(settings().ingest_table)


@cache
def pipeline() -> Pipeline:
    """The same ingest, spread over functions."""
    from faqchat.adapters.uploads import S3Uploads

    return Pipeline(ingest(), S3Uploads(settings().bucket), runs(), pipeline_queue())


@cache
def pipeline_queue() -> "SqsPipelineQueue":
    """How the pipeline's functions reach each other."""
    from faqchat.adapters.sqs import SqsPipelineQueue

    return SqsPipelineQueue(settings().batch_queue_url, settings().publish_queue_url)


def expansion() -> Expansion:
    """The service that has the chat model write utterances."""
    chosen = settings()
    key = chosen.openai_api_key.get_secret_value()
    writer = _openai_chat(chosen, chosen.chat_model, chosen.chat_base_url, key, WRITER_RETRIES)
    return Expansion(writer, Retriever(embedder(), vectors()), snapshots(), lexical_index)


@cache
def catalogues() -> Catalogues:
    """The published FAQ in memory."""
    return Catalogues(snapshots(), lexical_index, settings().index_refresh_s)


@cache
def type_ahead() -> TypeAhead:
    """What suggests entries while a question is typed."""
    return TypeAhead()


@cache
def embedder() -> Embedder:
    """The embedding model, centred where its centre was measured."""
    plain, centre = embedding_model(), load_centre()
    return CentredEmbedder(plain, centre) if settings().embedding_passage_model == centre.model else plain


@cache
def embedding_model() -> Embedder:
    """The embedding model as its server gives it."""
    from faqchat.adapters.openai_embedder import OpenAIEmbedder

    chosen = settings()
    return OpenAIEmbedder(
        base_url=chosen.embedding_base_url,
        api_key=chosen.key_for(chosen.embedding_base_url, chosen.embedding_api_key),
        query_model=chosen.embedding_query_model,
        passage_model=chosen.embedding_passage_model,
        batch=chosen.embedding_batch,
        timeout_s=chosen.embedding_timeout_s,
    )


@cache
def vectors() -> "MilvusVectors":
    """Both sides of the vector index."""
    from faqchat.adapters.milvus import MilvusVectors

    chosen = settings()
    return MilvusVectors(
        uri=chosen.milvus_uri,
        token=chosen.milvus_token.get_secret_value(),
        alias=chosen.milvus_alias,
        timeout_s=chosen.milvus_timeout_s,
        fingerprint=embedder().fingerprint,
    )


@cache
def snapshots() -> Snapshots:
    """Where the published catalogue lives."""
    from faqchat.adapters.keyword_file import KeywordFile
    from faqchat.adapters.s3 import S3Snapshots

    return S3Snapshots(settings().bucket, KeywordFile(tokens, sellers_words()))


@cache
def history() -> History:
    """Where conversations live."""
    from faqchat.adapters.dynamodb import DynamoHistory

    return DynamoHistory(settings().conversations_table, settings().session_ttl_days)


def archive() -> Archive:
    """All conversations, for reports."""
    from faqchat.adapters.archive import DynamoArchive

    return DynamoArchive(settings().conversations_table)


async def nearest() -> Nearest:
    """Where questions would have to be answered, for reports."""
    retriever = Retriever(embedder(), vectors())
    return NearestEntries(retriever, load_gate(), await catalogues().current())


@cache
def turn_log() -> "DynamoTurnLog":
    """What running turns say, and what their readers want of them."""
    from faqchat.adapters.turn_log import DynamoTurnLog

    return DynamoTurnLog(settings().turns_table, settings().session_ttl_days)


@cache
def generators() -> tuple[Generator, ...]:
    """Who may write an answer, in the order in which they are asked; the last cannot fail."""
    chosen = settings()
    models: list[Generator] = []
    if chosen.chat_model:
        models.append(chat_model())
    if chosen.chat_fallback_model:
        base_url = chosen.chat_fallback_base_url or chosen.chat_base_url
        key = chosen.key_for(base_url, chosen.chat_fallback_api_key)
        models.append(_openai_chat(chosen, chosen.chat_fallback_model, base_url, key))
    return (*map(Grounded, models), Extractive())


def rewriter() -> Rewriter | None:
    """Who puts a later message into one question; nobody unless that is switched on."""
    return Rewriter(chat_model()) if settings().rewrite else None


@cache
def chat_model() -> "OpenAIChat":
    """The configured chat model; answers and rewrites share its connections."""
    chosen = settings()
    return _openai_chat(chosen, chosen.chat_model, chosen.chat_base_url, chosen.openai_api_key.get_secret_value())


def price() -> Price:
    """What the chat model's tokens cost."""
    return settings().chat_price


def _openai_chat(chosen: Settings, model: str, base_url: str, key: str, retries: int = 0) -> "OpenAIChat":
    from faqchat.adapters.openai_chat import OpenAIChat

    return OpenAIChat(
        model=model,
        base_url=base_url,
        api_key=key,
        timeout_s=chosen.chat_timeout_s,
        max_tokens=chosen.chat_max_tokens,
        reasoning_effort=chosen.chat_reasoning_effort,
        retries=retries,
    )


def lexical_index(documents: Sequence[tuple[str, Sequence[str]]]) -> LexicalIndex:
    """A keyword index that knows the seller's words."""
    from faqchat.adapters.bm25 import Bm25Index

    return Bm25Index(documents, tokens, sellers_words())


def sellers_words() -> Callable[[str], list[str]]:
    """What to search beside a text, by the lexicon."""
    lexicon = load_lexicon()
    return lambda text: tokens(lexicon.expand(text))


def readiness_checks() -> Mapping[str, Check]:
    """Each dependency by name, with the cheapest call that proves it."""
    return {
        "catalogue": catalogues().current,
        "embeddings": lambda: embedder().queries(["준비"]),
        "vectors": lambda: vectors().ping(),  # by itself: embeddings that are away must not be taken for it
        "history": lambda: history().recent(new_session_id(), 1),
    }


def preload() -> None:
    """Have made before the first request what it would have to wait for, where that is set.

    In a thread, since uvicorn imports the app inside its loop. What fails here is tried again when it is needed.
    """
    if Settings().preload:  # not `settings()`: a secret that cannot be read yet must not end the process
        loading = Thread(target=lambda: asyncio.run(_load()))
        loading.start()
        loading.join()


async def _load() -> None:
    with suppress(FaqChatError):
        await asyncio.gather(catalogues().current(), asyncio.to_thread(_import_sdks))
        chat_service()


def _import_sdks() -> None:
    """What the adapters of a turn import at their first call; the catalogue's has imported boto3 by then."""
    import openai  # noqa: F401
    import pymilvus  # noqa: F401
