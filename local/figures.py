"""Figures from evaluated questions: recall with bootstrap intervals, refusals, follow-ups, times."""

import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from local.evaluate import Row

DEPTHS = (1, 3, 5, 10)
RESAMPLES = 2_000


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """All figures by file, and within a file by group."""
    by_file: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_file[row.question.file].append(row)
    return {
        "files": {file: _of_file(members) for file, members in by_file.items()},
        "followups": _followups(rows),
        "ms": _times(rows),
    }


def _of_file(rows: Sequence[Row]) -> dict[str, Any]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.question.group].append(row)
    found = _of(rows)
    if len(groups) > 1:
        found["groups"] = {group: _of(members, intervals=False) for group, members in sorted(groups.items())}
    return found


def _of(rows: Sequence[Row], *, intervals: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {"questions": len(rows)}
    searched = [row for row in rows if row.question.gold]
    if searched:
        for depth in DEPTHS:
            hits = [float(bool(row.rank and row.rank <= depth)) for row in searched]
            found[f"recall@{depth}"] = _mean(hits)
            if intervals and depth in (1, 5):
                found[f"recall@{depth}_95"] = _interval(hits)
        found["mrr"] = _mean([1 / row.rank if row.rank else 0.0 for row in searched])
    for expected in ("answered", "declined", "greeting"):
        members = [row for row in rows if row.question.expected == expected]
        if members:
            found[f"{expected}_share"] = _mean([float(_as_expected(row)) for row in members])
    return found


def _as_expected(row: Row) -> bool:
    """A clarifying question is no refusal, but it is no answer to what must be declined either."""
    if row.question.expected == "answered":
        return row.reply.outcome in ("answered", "clarify")
    return row.reply.outcome == row.question.expected


def _followups(rows: Sequence[Row]) -> dict[str, Any]:
    """Offers of all turns: what they keep, what they repeat, and how often editors would have linked there too."""
    offers = [row.offers for row in rows]
    made = sum(len(offer.ids) for offer in offers)
    linked = [float(offer.linked) for offer in offers if offer.linked is not None]
    return {
        "turns": sum(bool(offer.ids) for offer in offers),
        "offers": made,
        "kept_share": round(sum(offer.kept for offer in offers) / max(1, made), 4),
        "repeated": sum(offer.repeated for offer in offers),
        "turns_with_links": len(linked),
        "linked_share": _mean(linked) if linked else None,
    }


def _times(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    stages: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for stage, ms in row.reply.timings_ms.items():
            stages[stage].append(ms)
    return {
        stage: {"p50": round(statistics.median(ms), 1), "p95": round(_quantile(ms, 0.95), 1)}
        for stage, ms in stages.items()
    }


def _mean(values: Sequence[float]) -> float:
    return round(statistics.fmean(values), 4)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of means of resamples; seeded, so that a file's interval is always the same."""
    chance = random.Random(0)  # noqa: S311 # resampling, no secret
    means = sorted(statistics.fmean(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return round(means[int(0.025 * RESAMPLES)], 3), round(means[int(0.975 * RESAMPLES)], 3)


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def table(found: dict[str, Any], write: Callable[[str], None]) -> None:
    """The figures for people."""
    head = f"{'file / group':34}{'n':>5}{'r@1':>8}{'r@3':>8}{'r@5':>8}{'r@10':>8}{'mrr':>8}{'as expected':>14}"
    write(head)
    for file, figure in found["files"].items():
        write(_line(file, figure))
        for group, part in figure.get("groups", {}).items():
            write(_line(f"  {group}", part))
    offers = found["followups"]
    write(
        f"follow-ups: {offers['offers']} in {offers['turns']} turns, {offers['kept_share']:.3f} answered by the entry "
        f"they name, {offers['repeated']} repeated; an editors' link among them in {offers['linked_share'] or 0:.3f} "
        f"of {offers['turns_with_links']} turns whose entry has links"
    )
    write("ms (p50/p95): " + ", ".join(f"{stage} {ms['p50']:g}/{ms['p95']:g}" for stage, ms in found["ms"].items()))


def _line(name: str, figure: dict[str, Any]) -> str:
    recalls = "".join(f"{figure[f'recall@{d}']:>8.3f}" if f"recall@{d}" in figure else f"{'':>8}" for d in DEPTHS)
    mrr = f"{figure['mrr']:>8.3f}" if "mrr" in figure else f"{'':>8}"
    shares = " ".join(
        f"{figure[f'{e}_share']:.3f} {e}" for e in ("answered", "declined", "greeting") if f"{e}_share" in figure
    )
    return f"{name:34}{figure['questions']:>5}{recalls}{mrr}   {shares}"
