"""Keyword search in memory: BM25 over token lists, by bm25s on numpy."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import bm25s
import numpy as np
import numpy.typing as npt

from faqchat.index import Hit

K1 = 1.5
B = 0.75
EXPANSION_WEIGHT = 0.4  # what the lexicon adds counts less than what was asked: docs/quality.md

Tokenizer = Callable[[str], Sequence[str]]
Arrays = Mapping[str, npt.NDArray[Any]]
_Scores = npt.NDArray[np.float32]

ARRAYS = ("ids", "vocabulary", "data", "indices", "indptr")  # what an index consists of
_EMPTY: Arrays = {"data": np.zeros(0, np.float32), "indices": np.zeros(0, np.int32), "indptr": np.zeros(1, np.int64)}


class Bm25Index:
    """A `LexicalIndex`. What `expand` adds to a query is scored apart, at a lower weight."""

    def __init__(
        self,
        documents: Sequence[tuple[str, Sequence[str]]],
        tokenize: Tokenizer,
        expand: Tokenizer = lambda _: (),
        expansion_weight: float = EXPANSION_WEIGHT,
    ) -> None:
        self._ids = [faq_id for faq_id, _ in documents]
        self._tokenize = tokenize
        self._expand = expand
        self._expansion_weight = expansion_weight
        tokens = [list(words) for _, words in documents]
        # Without numba on purpose: its compiler is 150 MB, and a query takes a millisecond as it is.
        self._bm25 = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numpy", dtype="float32")
        self._vocabulary: dict[str, int] = {}
        if any(tokens):  # bm25s cannot index nothing
            self._bm25.index(tokens, create_empty_token=False, show_progress=False)
            self._vocabulary = self._bm25.vocab_dict

    @classmethod
    def restored(cls, arrays: Arrays, tokenize: Tokenizer, expand: Tokenizer) -> Self:
        """The index that `arrays` were taken from. Raises `ValueError` where they are not those of an index."""
        scores = {name: arrays[name] for name in _EMPTY}
        ids, vocabulary = _lines(arrays["ids"]), _lines(arrays["vocabulary"])
        if (
            any(scores[name].dtype != empty.dtype or scores[name].ndim != 1 for name, empty in _EMPTY.items())
            or len(scores["indptr"]) != len(vocabulary) + 1
            or len(scores["data"]) != len(scores["indices"])
            or (scores["indptr"][0], scores["indptr"][-1]) != (0, len(scores["data"]))
            or np.any(np.diff(scores["indptr"]) < 0)
            or np.any((scores["indices"] < 0) | (scores["indices"] >= len(ids)))
        ):
            raise ValueError("these arrays do not fit together")
        index = cls((), tokenize, expand)
        index._ids = ids
        index._vocabulary = dict(zip(vocabulary, range(len(vocabulary)), strict=True))
        index._bm25.scores = {**scores, "num_docs": len(ids)}
        index._bm25.nonoccurrence_array = None  # what a token that is missing scores, in other formulas than ours
        return index

    @property
    def arrays(self) -> Arrays:
        """All that the index knows; `restored` makes it again."""
        scores = self._bm25.scores if self._vocabulary else _EMPTY
        vocabulary = sorted(self._vocabulary, key=self._vocabulary.__getitem__)
        return {
            **{name: scores[name] for name in _EMPTY},
            "ids": _bytes(self.ids),
            "vocabulary": _bytes(vocabulary),
        }

    @property
    def ids(self) -> list[str]:
        """The documents, in their order."""
        return self._ids

    def search(self, text: str, limit: int) -> list[Hit]:
        """The best entries with a score above zero; equal scores keep the order of the documents."""
        scores = self.scores(self._tokenize(text), self._expand(text), self._expansion_weight)
        best = np.argsort(-scores, kind="stable")[:limit]
        return [Hit(self._ids[i], float(scores[i])) for i in best if scores[i] > 0]

    def scores(
        self, tokens: Sequence[str], expansion: Sequence[str] = (), expansion_weight: float = EXPANSION_WEIGHT
    ) -> _Scores:
        """For every document, score(tokens) + weight * score(expansion)."""
        return self._score(tokens) + np.float32(expansion_weight) * self._score(expansion)

    def unknown_share(self, text: str) -> float:
        """The share of the text's tokens that no entry contains, 0 to 1; 1 for a text without tokens."""
        tokens = self._tokenize(text)
        if not tokens:
            return 1.0
        return sum(token not in self._vocabulary for token in tokens) / len(tokens)

    def _score(self, tokens: Sequence[str]) -> _Scores:
        known = [self._vocabulary[token] for token in tokens if token in self._vocabulary]
        if not known:
            return np.zeros(len(self._ids), dtype=np.float32)
        scores: _Scores = self._bm25.get_scores_from_ids(known)
        return scores


def _bytes(lines: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Words without white space as one array, since arrays of strings of one width would be three times as large."""
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def _lines(packed: npt.NDArray[Any]) -> list[str]:
    return packed.tobytes().decode().split()
