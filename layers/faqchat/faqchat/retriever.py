"""Hybrid retrieval: dense over titles, utterances and passages, plus keywords, as one sum of comparable scores."""

import asyncio
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from faqchat.catalogue import Catalogue
from faqchat.errors import Unavailable
from faqchat.index import Hit, Kind, Query
from faqchat.ports import Embedder, VectorSearch

DEPTH = 100  # entries a channel may rank; 50 loses nothing at rank 1, 200 gains nothing (docs/quality.md)
ROWS: dict[Kind, int] = {
    "title": 100,
    "utterance": 250,
    "passage": 250,
    "in_scope": 5,
    "out_of_scope": 5,
}  # several rows may name one entry
BANKS: tuple[Kind, ...] = ("in_scope", "out_of_scope")  # rows that name no entry: the scope gate reads them
# What answered the turn before is nearest to every continuation; of a query's deviations, 3 to 6 do equally well
ANSWERED = 4.0


class Weights(NamedTuple):
    """How much each way of searching counts; chosen on the question sets (`python -m local ablate`)."""

    title: float = 1.0
    utterance: float = 1.25
    passage: float = 1.0
    whole: float = 1.25
    asked: float = 0.75


WEIGHTS = Weights()


class Channels(NamedTuple):
    """What each way of searching said to one query: raw scores, best first."""

    dense: dict[Kind, list[Hit]]
    whole: list[Hit]
    asked: list[Hit]


class Found(NamedTuple):
    """Fused hits, best first, and the evidence behind them, one `Channels` a query."""

    hits: list[Hit]
    channels: list[Channels]
    degraded: tuple[str, ...]


class Retriever:
    """Searches all channels at once and fuses them. Where vectors are away, keywords alone still answer."""

    def __init__(self, embedder: Embedder, vectors: VectorSearch) -> None:
        self._embedder = embedder
        self._vectors = vectors

    async def search(
        self, queries: Sequence[Query], catalogue: Catalogue, limit: int = 10, answered: str | None = None
    ) -> Found:
        """The best `limit` entries for the weighted sum of the queries; one that was `answered` steps back."""
        dense, degraded = await self._dense([query.text for query in queries], catalogue)
        channels = [
            Channels(by_kind, catalogue.whole.search(query.text, DEPTH), catalogue.asked.search(query.text, DEPTH))
            for query, by_kind in zip(queries, dense, strict=True)
        ]
        lifted = catalogue.prominence
        if answered:
            lifted = {**lifted, answered: lifted.get(answered, 0.0) - ANSWERED}
        return Found(fuse(queries, channels, lifted)[:limit], channels, degraded)

    async def _dense(
        self, texts: Sequence[str], catalogue: Catalogue
    ) -> tuple[list[dict[Kind, list[Hit]]], tuple[str, ...]]:
        try:
            vectors = await self._embedder.queries(texts)
        except Unavailable:
            return [{} for _ in texts], ("embeddings",)
        kinds = catalogue.manifest.kinds
        try:
            answers = await asyncio.gather(*(self._vectors.search(vectors, kind, ROWS[kind]) for kind in kinds))
        except Unavailable:
            return [{} for _ in texts], ("vectors",)
        known = catalogue.entries
        return [
            {
                kind: [hit for hit in best_per_entry(answer[i]) if kind in BANKS or hit.faq_id in known]
                for kind, answer in zip(kinds, answers, strict=True)
            }
            for i in range(len(texts))
        ], ()


def best_per_entry(hits: Iterable[Hit]) -> list[Hit]:
    """Each entry once, with its best row's score, in the order given (best first)."""
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.faq_id, hit)
    return list(best.values())[:DEPTH]


def standardise(hits: Sequence[Hit]) -> dict[str, float]:
    """Scores as standard deviations above the list's own floor, so that channels can be added.

    A list cut at DEPTH has no population mean; its floor and its spread stand in for one, and cost
    nothing against z-scores over the whole catalogue (docs/quality.md).
    """
    if not hits:
        return {}
    scores = [hit.score for hit in hits]
    floor, spread = min(scores), statistics.pstdev(scores)
    if spread == 0:
        return {hit.faq_id: 1.0 for hit in hits}
    return {hit.faq_id: (hit.score - floor) / spread for hit in hits}


def fuse(
    queries: Sequence[Query],
    channels: Sequence[Channels],
    prominence: Mapping[str, float],
    weights: Weights = WEIGHTS,
) -> list[Hit]:
    """The weighted sum over queries and channels, best first; ties keep the id's order.

    Of the entries that were found, `prominence` lifts those that editors put forward, once a query.
    """
    total: dict[str, float] = {}
    for query, said in zip(queries, channels, strict=True):
        weighted = [
            (said.dense.get("title", []), weights.title),
            (said.dense.get("utterance", []), weights.utterance),
            (said.dense.get("passage", []), weights.passage),
            (said.whole, weights.whole),
            (said.asked, weights.asked),
        ]
        for hits, weight in weighted:
            for faq_id, score in standardise(hits if weight else ()).items():
                total[faq_id] = total.get(faq_id, 0.0) + query.weight * weight * score
    asked = sum(query.weight for query in queries)
    total = {faq_id: score + asked * prominence.get(faq_id, 0.0) for faq_id, score in total.items()}
    return [Hit(faq_id, score) for faq_id, score in sorted(total.items(), key=lambda item: (-item[1], item[0]))]
