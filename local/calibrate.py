"""Measures the embeddings' centre and trains the scope gate: `uv run --group calibrate python -m local calibrate FAQ`.

In scope are utterances held out of the index, one an entry, and the bank of sellers' questions; out of scope is the
bank of messages to decline. A line of a bank is judged without itself. FAQs of several sizes are cut from the one
given, so that the gate also fits a small one. No evaluation set is read.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from faqchat import bootstrap
from faqchat.catalogue import Catalogue
from faqchat.centring import Centre, CentredEmbedder
from faqchat.faq import Entry
from faqchat.index import Hit, IndexSnapshot, Kind, Manifest
from faqchat.ingest import clean
from faqchat.passages import split_passages
from faqchat.retriever import DEPTH, ROWS, Channels, best_per_entry
from faqchat.scope import FEATURES_WITHOUT_VECTORS, ScopeGate, load_gate, scope_banks
from local.ingesting import read

SIZES = (10_000, 800, 250, 90)  # entries; the first means all
POSITIVES = 800  # held-out utterances a size
PASSAGES = 1_000  # enough for a mean

Vectors = npt.NDArray[np.float32]


class Embeddings:
    """Vectors by text, kept on disk: a second run embeds nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def of(self, texts: Sequence[str], *, query: bool) -> Vectors:
        """One row a text."""
        digest = hashlib.sha256(json.dumps([query, *texts]).encode()).hexdigest()[:16]
        path = self._folder / f"{digest}.npy"
        if not path.exists():
            embed = bootstrap.embedding_model().queries if query else bootstrap.embedding_model().passages
            rows = [row for start in range(0, len(texts), 16) for row in await embed(texts[start : start + 16])]
            np.save(path, np.array(rows, dtype=np.float32))
        loaded: Vectors = np.load(path)
        return loaded


async def calibrate(path: Path, utterances: Path, state: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The centre and the gate's weights, as `embedding_centre.json` and `scope_weights.json` hold them."""
    embeddings = Embeddings(state / "calibration")
    entries = clean(*read(path, utterances)).entries
    banks = scope_banks()
    chance = random.Random(0)  # noqa: S311 # the same split every time
    held = {entry.faq_id: chance.choice(entry.utterances) for entry in entries if entry.utterances}
    kept = [
        entry.model_copy(update={"utterances": tuple(u for u in entry.utterances if u != held.get(entry.faq_id))})
        for entry in entries
    ]
    rows = [(entry.faq_id, text) for entry in kept for text in (entry.question, *entry.utterances)]
    row_vectors = await embeddings.of([text for _, text in rows], query=False)
    held_queries = dict(zip(held, await embeddings.of([*held.values()], query=True), strict=True))
    bank_vectors = {kind: await embeddings.of(lines, query=False) for kind, lines in banks.items()}
    bank_queries = {kind: await embeddings.of(lines, query=True) for kind, lines in banks.items()}
    passages = chance.sample([text for entry in entries for text in split_passages(entry.answer)], PASSAGES)
    plain = await bootstrap.embedding_model().fingerprint()
    centre = Centre(
        plain.model,
        _mean(np.array([*held_queries.values()])),
        _mean(np.array([_mean(row_vectors), _mean(await embeddings.of(passages, query=False))])),
    )
    fingerprint = await CentredEmbedder(bootstrap.embedding_model(), centre).fingerprint()
    row_vectors = _less(row_vectors, centre.passages)
    held_queries = {faq_id: _less(vector, centre.queries) for faq_id, vector in held_queries.items()}
    bank_vectors = {kind: _less(vectors, centre.passages) for kind, vectors in bank_vectors.items()}
    bank_queries = {kind: _less(vectors, centre.queries) for kind, vectors in bank_queries.items()}

    gate = load_gate()
    features: list[dict[str, float]] = []
    labels: list[int] = []
    for size in SIZES:
        chosen = kept if size >= len(kept) else chance.sample(kept, size)
        names = {entry.faq_id for entry in chosen}
        inside = [i for i, (faq_id, _) in enumerate(rows) if faq_id in names]
        index = _Index(_catalogue(chosen, fingerprint), [rows[i][0] for i in inside], row_vectors[inside], bank_vectors)
        sample = chance.sample(sorted(names & held.keys()), min(POSITIVES, len(names & held.keys())))
        features += [index.features(gate, held[faq_id], held_queries[faq_id]) for faq_id in sample]
        labels += [1] * len(sample)
        for kind, lines in banks.items():
            features += [
                index.features(gate, text, bank_queries[kind][i], without=(kind, i)) for i, text in enumerate(lines)
            ]
            labels += [int(kind == "in_scope")] * len(lines)
    return centre._asdict(), {
        "embedding_model": fingerprint.model,
        "dense": _fit(features, labels, [*features[0]]),
        "keywords": _fit(
            features,
            labels,
            [name for name in features[0] if name in FEATURES_WITHOUT_VECTORS or name in gate.patterns],
        ),
    }


class _Index:
    """Searches a cut of the FAQ in memory, as the product searches the whole in Milvus."""

    def __init__(self, catalogue: Catalogue, owners: list[str], vectors: Vectors, banks: dict[Kind, Vectors]) -> None:
        self._catalogue = catalogue
        self._owners = owners
        self._vectors = vectors
        self._banks = banks

    def features(
        self, gate: ScopeGate, text: str, vector: Vectors, without: tuple[Kind, int] | None = None
    ) -> dict[str, float]:
        similar = self._vectors @ vector
        best = [Hit(self._owners[i], float(similar[i])) for i in np.argsort(-similar)[: ROWS["utterance"]]]
        dense: dict[Kind, list[Hit]] = {"utterance": best_per_entry(best)}
        for kind, bank in self._banks.items():
            near = bank @ vector
            if without and without[0] == kind:
                near[without[1]] = -1.0
            dense[kind] = [Hit(str(i), float(near[i])) for i in np.argsort(-near)[: ROWS[kind]]]
        said = Channels(dense, self._catalogue.whole.search(text, DEPTH), self._catalogue.asked.search(text, DEPTH))
        return gate.features(text, said, self._catalogue)


def _catalogue(entries: Sequence[Entry], fingerprint: Any) -> Catalogue:
    manifest = Manifest(
        version="", collection="", fingerprint=fingerprint, kinds=(), entries=len(entries), source="", published_at=""
    )
    return Catalogue.build(IndexSnapshot(manifest, {e.faq_id: e for e in entries}), bootstrap.lexical_index)


def _mean(vectors: Vectors) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in vectors.mean(axis=0))


def _less(vectors: Vectors, centre: tuple[float, ...]) -> Vectors:
    """What `centring.less` does, for all rows at once."""
    moved = vectors - np.array(centre, dtype=np.float32)
    unit: Vectors = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
    return unit


def _fit(features: list[dict[str, float]], labels: list[int], names: list[str]) -> dict[str, Any]:
    table = np.array([[row[name] for name in names] for row in features])
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-9
    model = LogisticRegression(class_weight="balanced", max_iter=2_000).fit((table - mean) / spread, labels)
    weights = model.coef_[0] / spread
    return {
        "weights": {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)},
        "intercept": round(float(model.intercept_[0] - (weights * mean).sum()), 4),
    }


def run(path: Path, utterances: Path, state: Path, language: Path) -> None:
    """Calibrate, and write both files into the folder of the package's language data."""
    centre, weights = asyncio.run(calibrate(path, utterances, state))
    (language / "embedding_centre.json").write_text(json.dumps(centre) + "\n", "utf-8")
    (language / "scope_weights.json").write_text(json.dumps(weights, indent=2) + "\n", "utf-8")
