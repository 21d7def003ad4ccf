"""Ingest on this machine: reads the file, shows progress with the time left, prints what happened."""

import asyncio
import json
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from faqchat import bootstrap
from faqchat.adapters.faq_files import read_faq_file, read_utterances
from faqchat.adapters.written_file import WrittenFile
from faqchat.errors import FaqChatError
from faqchat.expand import completed
from faqchat.faq import RawEntry
from faqchat.index import Kind
from faqchat.ingest import Report, clean

Utterances = dict[str, tuple[str, ...]]

LOG_LINES = 20  # a log gets a line for each of so many parts, where a terminal gets the bar
STAGE_NAMES = {"title": "questions", "passage": "answers"}


def read(path: Path, utterances: Path) -> tuple[list[RawEntry], Utterances]:
    """The file and the utterances that go with it. Raises `BadSource` before anything is started or written."""
    return read_faq_file(path), read_utterances(utterances) if utterances.exists() else {}


class Ingesting:
    """One ingest with a progress bar, in a thread of its own so that `up` can serve meanwhile."""

    def __init__(self, path: Path, utterances: Path, written: Path, console: Console) -> None:
        self._raw, self._utterances = read(path, utterances)
        if record := WrittenFile(written).read():
            self._utterances = completed(clean(self._raw, self._utterances).entries, self._utterances, record)
        self._source = path.name
        self._console = console
        self._bar = Progress(
            TextColumn("embedding {task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            refresh_per_second=2,
        )
        self._task = self._bar.add_task("questions", total=None, visible=False)
        self._answerable = threading.Event()
        self._logged = 0
        self._began = 0.0
        self._error: Exception | None = None
        self.report: Report | None = None
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._began = time.monotonic()
        self._bar.start()
        self._thread.start()

    def wait_until_answerable(self) -> None:
        """Block until the FAQ can be asked; raises what ended the ingest before."""
        while not self._answerable.wait(0.2):  # an interruptible wait: Ctrl-C must come through
            pass
        if self._error and self.report is None:
            raise self._error

    def finish(self) -> Report:
        """Block until everything is embedded; raises what ended the ingest."""
        while self._thread.is_alive():
            self._thread.join(0.2)
        self._bar.stop()
        if self._error:
            raise self._error
        assert self.report
        return self.report

    def run(self) -> Report:
        """Begin, and block until everything is embedded."""
        self.start()
        return self.finish()

    def stop(self) -> None:
        """Stop showing progress; what is embedded is stored, and the next ingest goes on from there."""
        self._bar.stop()

    def _run(self) -> None:
        try:
            self.report = asyncio.run(
                bootstrap.ingest().run(self._raw, self._utterances, self._source, self._progressed)
            )
        except FaqChatError as error:
            self._error = error
        finally:
            if self.report:
                self._bar.stop()
            self._answerable.set()

    def _progressed(self, done: int, total: int, kinds: tuple[Kind, ...]) -> None:
        todo = [name for kind, name in STAGE_NAMES.items() if kind not in kinds]
        if not self._console.is_terminal and total and done * LOG_LINES // total > self._logged:
            self._logged = done * LOG_LINES // total
            left = (time.monotonic() - self._began) * (total - done) / max(done, 1)
            self._console.print(f"embedded {done:,} of {total:,} texts, about {left:.0f} s left")
        self._bar.update(
            self._task, completed=done, total=total, visible=total > 0, description=todo[0] if todo else "done"
        )
        if "title" in kinds:
            self._answerable.set()


def print_report(report: Report, console: Console) -> None:
    """What an ingest did, for people."""
    changes = report.changes
    console.print(
        f"read {report.read:,} entries: {changes.added:,} added, {changes.changed:,} changed, "
        f"{changes.unchanged:,} unchanged, {changes.removed:,} removed, {len(report.faq.rejected):,} rejected; "
        f"{report.embedded:,} texts embedded, {report.deleted:,} rows deleted"
    )
    for rejected in report.faq.rejected:
        console.print(f"  rejected entry {rejected.position}: {rejected.reason} — {rejected.question!r}", markup=False)
    if report.faq.suspects:
        console.print(f"  {len(report.faq.suspects)} answers look misplaced; they were taken as they are:")
    for suspect in report.faq.suspects:
        console.print(f"  {suspect.faq_id} {suspect.question} — {suspect.reason}", markup=False, soft_wrap=True)


def json_report(report: Report, **more: object) -> str:
    """The same for machines, one line, with what else there is to tell."""
    return json.dumps(
        {
            "read": report.read,
            **report.changes._asdict(),
            "rejected": [rejected._asdict() for rejected in report.faq.rejected],
            "suspects": [suspect._asdict() for suspect in report.faq.suspects],
            "embedded": report.embedded,
            "deleted": report.deleted,
            "version": report.version,
            "kinds": list(report.kinds),
            **more,
        },
        ensure_ascii=False,
    )
