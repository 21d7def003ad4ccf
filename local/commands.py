"""What each command does, on a stack that runs already or is started for as long as the command needs it."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import track

from faqchat import bootstrap
from faqchat.errors import BadSource, InvalidRequest, Unavailable
from faqchat.events import ChatRequest, Delta, Done, Event, FollowUps, Problem, Sources, Start, as_json
from local import ablation, bench, cli, demo, evaluate, status, terminal
from local.expanding import Expanding
from local.figures import figures, table
from local.ingesting import Ingesting, json_report, print_report
from local.resources import create_resources
from local.servers import ROOT, Layout, Server, chat_server
from local.stack import Stack, find_running, stop_running

Command = Callable[[argparse.Namespace, Layout], int]

errors = Console(stderr=True, highlight=False, soft_wrap=True)  # logs keep whole lines


def run(arguments: argparse.Namespace, layout: Layout) -> int:
    """The command that the arguments name."""
    commands: dict[str, Command] = {
        "up": up,
        "ingest": ingest,
        "ask": ask,
        "chat": chat,
        "eval": evaluate_files,
        "ablate": ablate_search,
        "bench": bench_turns,
        "report": report_turns,
        "demo": play_demo,
        "calibrate": calibrate_gate,
        "down": down,
    }
    return commands[arguments.command](arguments, layout)


def up(arguments: argparse.Namespace, layout: Layout) -> int:
    """Serve until Ctrl-C: as soon as the FAQ's questions are embedded, while the rest follows behind."""
    path = arguments.faq or _default_faq()
    # reads: a bad file is refused before anything starts
    ingesting = Ingesting(path, arguments.utterances, layout.written, errors)
    with Stack(layout, errors.print, chat=True) as stack:
        _point_at(layout.ingest_environment())
        ingesting.start()
        try:
            ingesting.wait_until_answerable()
            stack.add(_chat(layout))
            errors.print(f"\n  [bold]{layout.chat_url}[/bold]  FAQ: {path.name}. Ctrl-C stops everything.\n")
            stack.wait()
        finally:
            ingesting.stop()
    return 0


def ingest(arguments: argparse.Namespace, layout: Layout) -> int:
    """Ingest a file and say what became of it; with --expand, have a model write what it lacks, and ingest that too."""
    if arguments.status:
        return ingest_status(arguments, layout)
    if arguments.path is None:
        raise BadSource("ingest needs the path of a FAQ file, or --status")
    files = arguments.path, arguments.utterances, layout.written, errors
    ingesting = Ingesting(*files)
    expanding = Expanding(*files) if arguments.expand else None
    if expanding:
        expanding.agree(yes=arguments.yes)
    with _stack(layout, ingests=True):
        report = ingesting.run()
        if expanding and expanding.run():
            second = Ingesting(*files).run()
            report = second._replace(
                changes=report.changes,
                embedded=report.embedded + second.embedded,
                deleted=report.deleted + second.deleted,
            )
    if arguments.json:
        print(json_report(report, **{"expansion": expanding.as_json()} if expanding else {}))
    else:
        print_report(report, Console(highlight=False))
        if expanding:
            expanding.print_report(Console(highlight=False))
    if expanding and expanding.stopped:
        raise Unavailable(expanding.stopped)
    return 0


def ingest_status(arguments: argparse.Namespace, layout: Layout) -> int:
    """Say what is live, what is still to be embedded, and where the pipeline's runs stand."""
    with _stack(layout):
        found = asyncio.run(status.read())
    print(found.as_json() if arguments.json else found.as_text())
    return 0


def ask(arguments: argparse.Namespace, layout: Layout) -> int:
    """Ask one question, by the code that a chat server runs."""
    try:
        request = ChatRequest(message=arguments.question, session_id=arguments.session)
    except ValidationError:
        raise InvalidRequest("--session takes the id of a conversation, 32 letters and digits") from None

    async def turn() -> int:
        failed = 0
        async for event in bootstrap.chat_service().stream(request):
            failed = failed or int(isinstance(event, Problem))
            print(as_json(event) if arguments.json else _shown(event), end="\n" if arguments.json else "", flush=True)
        return failed

    with _stack(layout), _answerable(layout):
        return asyncio.run(turn())


def _shown(event: Event) -> str:
    shown = ""
    match event:
        case Start():
            shown = f"session {event.session_id}\n\n"
        case Sources() if event.sources:
            shown = "".join(f"[{n}] {source.question}\n" for n, source in enumerate(event.sources, 1)) + "\n"
        case Delta():
            shown = event.text
        case FollowUps():
            shown = "\n\n" + "".join(f"  - {offer.text}\n" for offer in event.followups)
        case Problem():
            shown = f"\n오류: {event.detail}\n"
        case Done():
            shown = f"\n{event.outcome}, {event.timings_ms.get('total', 0):.0f} ms {' '.join(event.degraded)}\n"
    return shown


def chat(arguments: argparse.Namespace, layout: Layout) -> int:
    """Converse with a deployed chat, or with the one on this machine."""
    if arguments.url:
        return terminal.converse(arguments.url, aws_iam=arguments.aws_iam)
    with _chat_url(layout) as url:
        return terminal.converse(url, aws_iam=False)


def evaluate_files(arguments: argparse.Namespace, layout: Layout) -> int:
    """Measure the product on question files."""
    questions = [question for path in arguments.paths for question in evaluate.read_questions(path)]

    async def rows() -> list[evaluate.Row]:
        return [row async for row in evaluate.ask_all(track(questions, "asking", console=errors))]

    with _stack(layout), _answerable(layout):
        found = asyncio.run(rows())
    if arguments.rows:
        arguments.rows.write_text("".join(f"{row.as_json()}\n" for row in found), "utf-8")
    if arguments.json:
        print(json.dumps(figures(found), ensure_ascii=False))
    else:
        table(figures(found), print)
    return 0


def ablate_search(arguments: argparse.Namespace, layout: Layout) -> int:
    """Print the tables of docs/quality.md: single questions by part of the search, dialogues by what is searched."""
    questions = [question for path in arguments.paths for question in evaluate.read_questions(path)]

    async def figures_() -> list[ablation.Figures]:
        return [await ablation.of_searches(questions), await ablation.of_readings(questions)]

    with _stack(layout), _answerable(layout):
        for found in asyncio.run(figures_()):
            ablation.table(found, print)
            print()
    return 0


def bench_turns(arguments: argparse.Namespace, layout: Layout) -> int:
    """Measure warm turns over HTTP."""
    with _chat_url(layout) as url:
        catalogue = asyncio.run(bootstrap.catalogues().current())
        print(bench.report(bench.measure(url, [*catalogue.entries.values()], arguments.turns), as_json=arguments.json))
    return 0


def report_turns(arguments: argparse.Namespace, layout: Layout) -> int:
    """Say what had no answer and what was disliked: here, or where the environment points."""
    from local import report  # noqa: PLC0415 # pandas takes a second to import

    with nullcontext() if arguments.cloud else _stack(layout):
        found = asyncio.run(report.read(arguments.days))
    if arguments.csv:
        report.write_csv(found, arguments.csv)
    if arguments.html:
        report.write_html(found, arguments.html, arguments.days)
    if arguments.json:
        print(report.as_json(found))
    else:
        report.print_table(found, Console(highlight=False), arguments.days)
    return 0


def play_demo(arguments: argparse.Namespace, layout: Layout) -> int:
    """Play the demo dialogues."""
    script = demo.read_script(arguments.script)

    async def printed() -> None:
        async for piece in demo.play(script):
            print(piece)

    with _stack(layout), _answerable(layout):
        asyncio.run(printed())
    return 0


def calibrate_gate(arguments: argparse.Namespace, layout: Layout) -> int:
    """Measure the embeddings' centre, train the scope gate, and write both."""
    from local import calibrate  # noqa: PLC0415 # needs scikit-learn, which only this command does

    with _stack(layout, ingests=True):
        calibrate.run(arguments.path, cli.UTTERANCES, layout.state, cli.LANGUAGE)
    return 0


def down(_: argparse.Namespace, layout: Layout) -> int:
    """Stop the stack of this state folder, whoever started it."""
    if not stop_running(layout, errors.print):
        errors.print("nothing runs")
    return 0


def _chat(layout: Layout) -> Server:
    """The streaming door, as the Lambda Web Adapter starts it."""
    return chat_server(
        layout,
        [str(ROOT / "functions" / "chat" / "run.sh")],
        {"PORT": str(layout.port), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"},
    )


@contextmanager
def _stack(layout: Layout, *, ingests: bool = False) -> Iterator[None]:
    """The stack that runs, or one for as long as it is needed; this process is pointed at it."""
    running = find_running(layout)
    used = running.layout if running else layout
    environment = used.ingest_environment() if ingests else used.environment()
    if running:
        _point_at(environment)
        yield
        return
    with Stack(layout, errors.print):
        _point_at(environment)
        yield


def _point_at(environment: dict[str, str]) -> None:
    """From here on this process uses that stack; before anything asks for settings, which are read once."""
    os.environ.update(environment)
    chosen = bootstrap.settings()
    create_resources(chosen.conversations_table, chosen.turns_table, chosen.ingest_table, chosen.bucket)


@contextmanager
def _answerable(layout: Layout) -> Iterator[None]:
    """Something is published: what was ingested before, else the FAQ that `up` would take."""
    if asyncio.run(bootstrap.snapshots().version()) is None:
        Ingesting(_default_faq(), cli.UTTERANCES, layout.written, errors).run()
    yield


@contextmanager
def _chat_url(layout: Layout) -> Iterator[str]:
    """Where the chat answers: the one that runs, or one for as long as it is needed."""
    running = find_running(layout)
    if running and running.chat_url:
        _point_at(running.environment())
        yield running.chat_url
        return
    with Stack(layout, errors.print, chat=True) as stack:
        _point_at(layout.environment())
        with _answerable(layout):
            stack.add(_chat(layout))
            yield layout.chat_url


def _default_faq() -> Path:
    return cli.DEFAULT_FAQ if cli.DEFAULT_FAQ.exists() else cli.SAMPLE_FAQ
