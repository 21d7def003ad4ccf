"""How long warm turns take, seen by a client over HTTP; questions come from the FAQ's own utterances."""

import json
import random
import statistics
import time
from typing import Any

from faqchat.faq import Entry
from local.client import ask, connect

WARM_UP = 10
STAGES = ("start", "sources", "first text", "done")


def measure(url: str, entries: list[Entry], turns: int) -> dict[str, Any]:
    """Milliseconds from sending a question to each stage of its answer, over `turns` new conversations."""
    chance = random.Random(0)  # noqa: S311 # the same questions every time
    asked = [entry for entry in entries if entry.utterances]
    questions = [chance.choice(chance.choice(asked).utterances) for _ in range(WARM_UP + turns)]
    seen: dict[str, list[float]] = {stage: [] for stage in STAGES}
    with connect(url) as client:
        for number, question in enumerate(questions):
            took = _turn(client, question)
            if number >= WARM_UP:
                for stage, ms in took.items():
                    seen[stage].append(ms)
    return {
        "turns": turns,
        "ms": {
            stage: {
                "p50": round(statistics.median(ms), 1),
                "p95": round(sorted(ms)[int(0.95 * len(ms))], 1),
                "max": round(max(ms), 1),
            }
            for stage, ms in seen.items()
            if ms
        },
    }


def _turn(client: Any, question: str) -> dict[str, float]:
    began = time.perf_counter()
    took: dict[str, float] = {}
    for kind, _ in ask(client, question, None):
        stage = "first text" if kind == "delta" else kind
        if stage in STAGES:
            took.setdefault(stage, (time.perf_counter() - began) * 1000)
    return took


def report(found: dict[str, Any], *, as_json: bool) -> str:
    """The figures as a table, or as one JSON object."""
    if as_json:
        return json.dumps(found)
    lines = [f"{found['turns']} turns, ms", f"{'':12}{'p50':>8}{'p95':>8}{'max':>8}"]
    lines += [f"{stage:12}{ms['p50']:>8}{ms['p95']:>8}{ms['max']:>8}" for stage, ms in found["ms"].items()]
    return "\n".join(lines)
