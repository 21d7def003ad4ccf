"""The scope gate: how likely a message is a question that a SmartStore FAQ can be asked at all.

A logistic regression over a handful of features, trained by `python -m local calibrate` on our own
utterances (in scope) and our own bank of messages to decline (out of scope), never on evaluation sets.
"""

import json
import math
import re
from importlib.resources import files
from typing import NamedTuple

from faqchat.catalogue import Catalogue
from faqchat.index import Hit, Kind
from faqchat.retriever import Channels
from faqchat.tokens import tokens

NEAREST_IN = 5
NEAREST_OUT = 3
INSIDE: tuple[Kind, ...] = ("title", "utterance", "in_scope")
FEATURES_WITHOUT_VECTORS = ("keyword", "unknown", "size")


class Linear(NamedTuple):
    """A fitted model: a weight for each feature, in the feature's own unit."""

    weights: dict[str, float]
    intercept: float

    def probability(self, features: dict[str, float]) -> float:
        """The logistic of the weighted sum."""
        total = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


class ScopeGate(NamedTuple):
    """Two models, since vectors may be away: with them, and with keywords alone."""

    patterns: dict[str, re.Pattern[str]]
    dense: Linear
    keywords: Linear
    embedding_model: str  # cosines of another model lie elsewhere, so the dense model speaks for this one only

    def probability(self, text: str, said: Channels, catalogue: Catalogue) -> float:
        """How likely the text, searched with these results, is in scope; 0 to 1."""
        features = self.features(text, said, catalogue)
        calibrated = catalogue.manifest.fingerprint.model == self.embedding_model
        return (self.dense if calibrated and "inside" in features else self.keywords).probability(features)

    def features(self, text: str, said: Channels, catalogue: Catalogue) -> dict[str, float]:
        """What the models look at. Where vectors are away, so are `inside` and `outside`."""
        count = max(1, len(tokens(text)))
        top = said.asked[0].score if said.asked else 0.0
        found = {
            "keyword": top / math.sqrt(count) / math.log(2 + len(catalogue.entries)),
            "unknown": catalogue.whole.unknown_share(text),
            "size": math.log(2 + len(catalogue.entries)),  # a small FAQ is farther from everything
            **{name: float(bool(pattern.search(text))) for name, pattern in self.patterns.items()},
        }
        inside = _nearest([hit for kind in INSIDE for hit in said.dense.get(kind, [])], NEAREST_IN)
        outside = _nearest(said.dense.get("out_of_scope", []), NEAREST_OUT)
        if inside is not None and outside is not None:
            found["inside"], found["outside"] = inside, outside
        return found


def _nearest(hits: list[Hit], count: int) -> float | None:
    best: dict[str, float] = {}
    for hit in hits:
        best[hit.faq_id] = max(hit.score, best.get(hit.faq_id, -1.0))
    top = sorted(best.values(), reverse=True)[:count]
    return sum(top) / len(top) if top else None


def load_gate() -> ScopeGate:
    """The gate that comes with the package."""
    language = files("faqchat").joinpath("language")
    rows = language.joinpath("scope_patterns.tsv").read_text("utf-8").splitlines()
    pairs = (row.split("\t") for row in rows if row.strip() and not row.startswith("#"))
    patterns = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in pairs}
    models = json.loads(language.joinpath("scope_weights.json").read_text("utf-8"))
    dense, keywords = (Linear(models[name]["weights"], models[name]["intercept"]) for name in ("dense", "keywords"))
    return ScopeGate(patterns, dense, keywords, models["embedding_model"])


def scope_banks() -> dict[Kind, list[str]]:
    """Sellers' questions, and messages to decline, both written for this; ingest embeds them beside the FAQ.

    With them a FAQ of a hundred entries knows as well as one of thousands what a seller may ask about.
    """
    return {"in_scope": _lines("in_scope_bank.txt"), "out_of_scope": _lines("out_of_scope_bank.txt")}


def _lines(name: str) -> list[str]:
    text = files("faqchat").joinpath("language", name).read_text("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
