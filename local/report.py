"""The report of `faqchat.report` as a table, a CSV file, JSON, and a page with charts."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console
from rich.table import Table

from faqchat import bootstrap
from faqchat.report import Question, Report, report

EXAMPLES = 5  # questions a topic, in the table
OUTSIDE_BELOW = 0.1  # a question that is likelier than this to be SmartStore's counts to a topic of the FAQ
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so
CHART_WIDTH = 320.0
TEMPLATE = "report.html.j2"


async def read(days: int) -> Report:
    """The report of the last days, from what is stored."""
    turns = [turn async for turn in bootstrap.archive().since(days)]
    return await report(turns, await bootstrap.nearest(), OUTSIDE_BELOW)


def as_json(found: Report) -> str:
    """For machines, one line."""
    figures = _figures(found)
    topics = [
        {"topic": topic.name, "unanswered": topic.unanswered, "disliked": topic.disliked, "questions": rows}
        for topic in found.topics
        for rows in [[_row(topic.name, question) for question in topic.questions]]
    ]
    days = {str(day): outcomes for day, outcomes in found.days.items()}
    return json.dumps(figures | {"days": days, "topics": topics}, ensure_ascii=False)


def print_table(found: Report, console: Console, days: int) -> None:
    """For people, in the terminal."""
    if not found.turns:
        console.print(f"no turns in the last {days} days")
        return
    figures = _figures(found)
    console.print(
        f"{found.turns:,} turns in {days} days: {found.unanswered:,} without an answer, {found.up:,} thumbs up, "
        f"{found.down:,} down, {figures['degraded_share']:.1%} degraded, {found.cost_usd:.4f} USD"
    )
    table = Table("topic", "unanswered", "disliked", "asked", "question", "nearest entry")
    for topic in found.topics:
        for number, question in enumerate(topic.questions[:EXAMPLES]):
            counts = (topic.name, str(topic.unanswered), str(topic.disliked)) if number == 0 else ("", "", "")
            nearest = question.nearest[0].question if question.nearest else ""
            table.add_row(*counts, str(len(question.turns)), question.text, nearest, end_section=False)
        if len(topic.questions) > EXAMPLES:
            table.add_row("", "", "", "", f"… and {len(topic.questions) - EXAMPLES:,} more", "")
        table.add_section()
    console.print(table, markup=False)


def write_csv(found: Report, path: Path) -> None:
    """A row a question, for spreadsheets; a cell that would be a formula is text."""
    rows = [_row(topic.name, question) for topic in found.topics for question in topic.questions]
    frame = pd.DataFrame(rows, columns=["topic", *_COLUMNS])
    frame.map(_defused).to_csv(path, index=False, encoding="utf-8-sig")  # Excel knows Korean by the mark


def write_html(found: Report, path: Path, days: int) -> None:
    """A page that needs nothing else: no script, no other host."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template(TEMPLATE).render(
        report=found,
        days=days,
        figures=_figures(found),
        by_topic=_bars({topic.name: topic.unanswered + topic.disliked for topic in found.topics}),
        by_outcome=_bars(dict(found.outcomes)),
        by_day=_bars({str(day): outcomes.total() for day, outcomes in found.days.items()}),
        by_thumb=_bars({"up": found.up, "down": found.down}),
    )
    path.write_text(page, "utf-8")


def _figures(found: Report) -> dict[str, Any]:
    turns = max(found.turns, 1)
    return {
        "turns": found.turns,
        "outcomes": dict(found.outcomes),
        "unanswered": found.unanswered,
        "unanswered_share": found.unanswered / turns,
        "thumbs_up": found.up,
        "thumbs_down": found.down,
        "degraded_share": found.degraded / turns,
        "cost_usd": round(found.cost_usd, 6),
    }


_COLUMNS = ("question", "asked", "unanswered", "disliked", "reasons", "comments", "nearest", "last_asked_at")


def _row(topic: str, question: Question) -> dict[str, Any]:
    return {
        "topic": topic,
        "question": question.text,
        "asked": len(question.turns),
        "unanswered": question.unanswered,
        "disliked": question.disliked,
        "reasons": ", ".join(f"{reason} {count}" for reason, count in question.reasons.most_common()),
        "comments": " / ".join(question.comments),
        "nearest": " / ".join(entry.question for entry in question.nearest),
        "last_asked_at": max(turn.asked_at for turn in question.turns).isoformat(timespec="seconds"),
    }


def _defused(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell


def _bars(counts: dict[str, int]) -> list[tuple[str, int, float]]:
    """Name, count and width of each bar."""
    longest = max([*counts.values(), 1])
    return [(name, count, round(CHART_WIDTH * count / longest, 1)) for name, count in counts.items()]
