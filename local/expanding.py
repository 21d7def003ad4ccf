"""Utterances written by a model, on this machine: what it will cost, whether that is wanted, what came of it."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from faqchat import bootstrap
from faqchat.adapters.written_file import WrittenFile
from faqchat.events import Usage
from faqchat.expand import Outcome, Written, estimate, plan
from faqchat.faq import Entry
from faqchat.ingest import clean
from faqchat.settings import Settings
from local.ingesting import read


class Refused(Exception):
    """Nothing was asked of the model; the message says why, to a person."""


class Expanding:
    """One expansion: planned and agreed to before anything is started, run once the FAQ is published."""

    def __init__(self, path: Path, utterances: Path, written: Path, console: Console) -> None:
        chosen = Settings()  # not bootstrap's, which are read for good once the stack's addresses are known
        if not chosen.chat_model:
            raise Refused("--expand needs a chat model: set FAQCHAT_CHAT_MODEL (README, Models)")
        self._model = chosen.chat_model
        self._price = chosen.chat_price
        self._record = WrittenFile(written)
        self._path = written
        self._console = console
        self._plan = plan(clean(*read(path, utterances)).entries, self._record.read(), self._model)
        self.outcome = Outcome()
        self.stopped = ""  # why the model was given up, and what was kept

    def agree(self, *, yes: bool) -> None:
        """Say what will be spent, and have that agreed to. Raises `Refused`."""
        todo, barren = self._plan
        if barren:
            self._say(f"{len(barren):,} entries are not asked again: all that was written for them was rejected")
        if not todo:
            self._say("no entry is left to write utterances for: nothing will be spent")
            return
        usage = estimate(todo)
        self._say(
            f"{self._model} is to write utterances for {len(todo):,} entries: "
            f"about {usage.prompt_tokens:,} tokens in and {usage.completion_tokens:,} out "
            f"(more, where it thinks before it writes), {self._cost(usage)}"
        )
        if yes:
            return
        if not sys.stdin.isatty():
            raise Refused("--expand spends money and there is no terminal to ask in: add --yes to agree")
        try:
            said = self._console.input("Go on? [y/N] ", markup=False)
        except EOFError:
            said = ""
        if said.strip().lower() not in {"y", "yes"}:
            raise Refused("not agreed to: nothing was asked, and nothing was ingested")

    def run(self) -> bool:
        """Ask the model; whether there is anything new to ingest."""
        todo, written = self._plan.todo, 0
        if not todo:
            return False

        def keep(one: Written) -> None:
            nonlocal written
            self._record.append(one)
            written += 1
            bar.advance(task)

        with Progress(console=self._console, refresh_per_second=2) as bar:
            task = bar.add_task("writing", total=len(todo))
            try:
                self.outcome = asyncio.run(bootstrap.expansion().run(todo, keep))
            except KeyboardInterrupt:
                self._say(f"interrupted; {self._kept(written)}")
                raise
        self.stopped = self.outcome.stopped and f"{self._model}: {self.outcome.stopped}; {self._kept(written)}"
        return self.outcome.kept > 0

    def print_report(self, console: Console) -> None:
        """What came of it, for people."""
        outcome = self.outcome
        if not outcome.asked:
            return
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in outcome.rejected.most_common())
        console.print(
            f"asked for {outcome.asked:,} entries: {outcome.kept:,} utterances kept, "
            f"{outcome.rejected.total():,} rejected{f' ({rejected})' if rejected else ''}, "
            f"{len(outcome.failed):,} entries failed; {outcome.usage.prompt_tokens:,} tokens in, "
            f"{outcome.usage.completion_tokens:,} out, {self._cost(outcome.usage)}",
            soft_wrap=True,
        )
        for entry in outcome.barren:
            console.print(f"  all rejected: {entry.faq_id} {entry.question}", markup=False, soft_wrap=True)
        for entry, why in outcome.failed:
            console.print(f"  failed: {entry.faq_id} {entry.question} — {why}", markup=False, soft_wrap=True)

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        outcome = self.outcome
        return {
            "model": self._model,
            "asked": outcome.asked,
            "kept": outcome.kept,
            "rejected": dict(outcome.rejected),
            "all_rejected": [_named(entry) for entry in (*self._plan.barren, *outcome.barren)],
            "failed": [_named(entry) | {"reason": why} for entry, why in outcome.failed],
            "usage": outcome.usage.model_dump(),
            "cost_usd": self._price.of(outcome.usage) if any(self._price) else None,
            "stopped": outcome.stopped or None,
        }

    def _kept(self, written: int) -> str:
        return (
            f"{written:,} of {len(self._plan.todo):,} entries are written and kept in {self._path}; "
            "the same command goes on from there"
        )

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def _cost(self, usage: Usage) -> str:
        if not any(self._price):
            return "at a cost that is unknown: FAQCHAT_CHAT_PRICE_IN and FAQCHAT_CHAT_PRICE_OUT are not set"
        return f"USD {self._price.of(usage):.4f}"


def _named(entry: Entry) -> dict[str, str]:
    return {"faq_id": entry.faq_id, "question": entry.question}
