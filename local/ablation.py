"""What each part of the search adds: the product's own raw scores, added up with one part left out at a time.

Single questions are searched once and fused anew for each variant. Dialogues are replayed through the product, and
the last message is then searched with fewer of its readings.
"""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from faqchat import bootstrap
from faqchat.catalogue import Catalogue
from faqchat.index import Hit, IndexSnapshot, Query
from faqchat.retriever import WEIGHTS, Channels, Retriever, Weights, fuse
from faqchat.understanding import understand
from local.evaluate import Question, ask_all

NOTHING = Weights(0, 0, 0, 0, 0)
DEPTHS = (1, 5)


class Variant(NamedTuple):
    """One way of adding up."""

    name: str
    weights: Weights
    prominence: bool = True
    utterances: bool = True  # as keywords; as vectors they have a weight


VARIANTS = (
    Variant("titles by vector", NOTHING._replace(title=1.0), prominence=False),
    Variant("utterances by vector", NOTHING._replace(utterance=1.0), prominence=False),
    Variant("passages by vector", NOTHING._replace(passage=1.0), prominence=False),
    Variant("BM25 over titles, utterances, answers", NOTHING._replace(whole=1.0), prominence=False),
    Variant("BM25 over titles, utterances", NOTHING._replace(asked=1.0), prominence=False),
    Variant("all, equal weights", Weights(1, 1, 1, 1, 1), prominence=False),
    Variant("all, weighted", WEIGHTS, prominence=False),
    Variant("the product: and what editors put forward", WEIGHTS),
    Variant("less titles by vector", WEIGHTS._replace(title=0)),
    Variant("less utterances by vector", WEIGHTS._replace(utterance=0)),
    Variant("less passages: what answers first after an ingest", WEIGHTS._replace(passage=0)),
    Variant("less BM25", WEIGHTS._replace(whole=0, asked=0)),
    Variant("less all vectors: what answers while they are away", WEIGHTS._replace(title=0, utterance=0, passage=0)),
    Variant("without utterances", WEIGHTS._replace(utterance=0), utterances=False),
)
READINGS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("the last message alone", (0,)),
    ("with what came before", (1,)),
    ("both", (0, 1)),
    ("both, and the topic's title", (0, 1, 2)),
)

Figures = dict[str, dict[str, tuple[float, ...]]]  # variant to file to recall at each of DEPTHS


async def of_searches(questions: Iterable[Question]) -> Figures:
    """Recall of every variant, by file, on questions without a past."""
    asked = [question for question in questions if question.gold and len(question.messages) == 1]
    catalogue = await bootstrap.catalogues().current()
    published = IndexSnapshot(catalogue.manifest, catalogue.entries)
    bare = Catalogue.build(published.without_utterances(), bootstrap.lexical_index)
    retriever = Retriever(bootstrap.embedder(), bootstrap.vectors())
    searched: dict[bool, list[tuple[Sequence[Query], list[Channels]]]] = {True: [], False: []}
    for question in asked:
        queries = understand(question.messages[0], ()).searches
        for utterances, used in ((True, catalogue), (False, bare)):
            found = await retriever.search(queries, used)
            searched[utterances].append((queries, found.channels))
    fused = {
        variant: [
            fuse(queries, said, catalogue.prominence if variant.prominence else {}, variant.weights)
            for queries, said in searched[variant.utterances]
        ]
        for variant in VARIANTS
    }
    return {variant.name: _recall(zip(asked, map(_ids, hits), strict=True)) for variant, hits in fused.items()}


async def of_readings(questions: Iterable[Question]) -> Figures:
    """Recall on last messages of dialogues, by how much of the conversation is searched."""
    dialogues = [question for question in questions if question.gold and len(question.messages) > 1]
    catalogue = await bootstrap.catalogues().current()
    retriever = Retriever(bootstrap.embedder(), bootstrap.vectors())
    figures: Figures = {}
    replayed = [row async for row in ask_all(dialogues)]
    for name, kept in READINGS:
        ranked = []
        for row in replayed:
            queries = [row.queries[i] for i in kept if i < len(row.queries)] or row.queries[:1]  # a new topic has one
            ranked.append((row.question, _ids((await retriever.search(queries, catalogue)).hits)))
        figures[name] = _recall(ranked)
    return figures | {
        "the product: and what was answered steps back": _recall((r.question, r.ranked) for r in replayed)
    }


def _ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.faq_id for hit in hits]


def _recall(ranked: Iterable[tuple[Question, Sequence[str]]]) -> dict[str, tuple[float, ...]]:
    ranks: dict[str, list[int]] = defaultdict(list)
    for question, ids in ranked:
        rank = next((i for i, faq_id in enumerate(ids, 1) if faq_id in question.gold), len(ids) + max(DEPTHS))
        ranks[question.file].append(rank)
    return {
        file: tuple(statistics.fmean(rank <= depth for rank in found) for depth in DEPTHS)
        for file, found in ranks.items()
    }


def table(figures: Figures, write: Callable[[str], None]) -> None:
    """The figures as a Markdown table."""
    files = list(dict.fromkeys(file for by_file in figures.values() for file in by_file))
    write(f"| r@1 / r@5 | {' | '.join(files)} |")
    write(f"|---|{'---|' * len(files)}")
    for name, by_file in figures.items():
        cells = (" / ".join(f"{share:.3f}" for share in by_file[file]) for file in files)
        write(f"| {name} | {' | '.join(cells)} |")
