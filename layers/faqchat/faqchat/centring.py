"""Embeddings seen from the middle of what they are of, which tells texts of one subject further apart.

Everything that a FAQ and its readers say lies in one corner of the embedding space. Taking that corner's centre away
before vectors are compared is worth as much as a channel of its own (docs/quality.md), and what a seller asks and what
merely sounds like it part more clearly. After Mu and Viswanath, "All-but-the-Top" (2018), the mean only.
"""

import json
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from faqchat.errors import Unavailable
from faqchat.index import Fingerprint
from faqchat.ports import Embedder


class Centre(NamedTuple):
    """The mean vectors of one model, measured by `python -m local calibrate`; unit vectors go in."""

    model: str  # the passage model, which names the pair
    queries: tuple[float, ...]
    passages: tuple[float, ...]


class CentredEmbedder:
    """An `Embedder` whose vectors are another's less their centre, of length 1 again."""

    def __init__(self, embedder: Embedder, centre: Centre) -> None:
        self._embedder = embedder
        self._centre = centre

    async def queries(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a query."""
        return self._less(await self._embedder.queries(texts), self._centre.queries)

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a passage."""
        return self._less(await self._embedder.passages(texts), self._centre.passages)

    async def fingerprint(self) -> Fingerprint:
        """The embedder's, marked: a collection of vectors that were not centred is not ours to search."""
        plain = await self._embedder.fingerprint()
        return plain.model_copy(update={"model": f"{plain.model}, centred"})

    def _less(self, vectors: list[list[float]], centre: tuple[float, ...]) -> list[list[float]]:
        if vectors and len(vectors[0]) != len(centre):
            raise Unavailable(
                f"{self._centre.model} answered {len(vectors[0])} dimensions and is centred for {len(centre)}: "
                "if it is another model, give it another name; else run calibrate"
            )
        return [less(vector, centre) for vector in vectors]


def less(vector: Sequence[float], centre: Sequence[float]) -> list[float]:
    """The vector from the centre's point of view, as a unit vector; both are of one width."""
    moved = [value - mean for value, mean in zip(vector, centre, strict=True)]
    length = math.hypot(*moved) or 1.0
    return [value / length for value in moved]


def load_centre() -> Centre:
    """The centre that comes with the package."""
    found = json.loads(files("faqchat").joinpath("language", "embedding_centre.json").read_text("utf-8"))
    return Centre(found["model"], tuple(found["queries"]), tuple(found["passages"]))
