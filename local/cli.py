"""The arguments of `python -m local`, and which function each command is."""

import argparse
from pathlib import Path

from local.servers import ROOT, Layout

DEFAULT_FAQ = ROOT / "data" / "final_result.pkl"
SAMPLE_FAQ = ROOT / "local" / "sample" / "faq.jsonl"
LANGUAGE = ROOT / "layers" / "faqchat" / "faqchat" / "language"
UTTERANCES = ROOT / "local" / "data" / "utterances.jsonl"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    main = argparse.ArgumentParser(prog="python -m local", description="The SmartStore FAQ chatbot on this machine.")
    main.add_argument("--port", type=int, default=8000, help="the chat's port; the services take port+11 to port+14")
    main.add_argument("--state", type=Path, default=ROOT / ".local", help="where everything is kept")
    commands = main.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="start everything, ingest what is new, serve the chat")
    up.add_argument("--faq", type=Path, help=f"default: {DEFAULT_FAQ.relative_to(ROOT)} if there, else the sample")
    up.add_argument("--utterances", type=Path, default=UTTERANCES)

    ingest = commands.add_parser("ingest", help="bring the index up to a FAQ file")
    ingest.add_argument("path", type=Path, nargs="?", help=".pkl, .jsonl or .csv")
    ingest.add_argument("--status", action="store_true", help="say where things stand, and ingest nothing")
    ingest.add_argument("--utterances", type=Path, default=UTTERANCES)
    ingest.add_argument(
        "--expand", action="store_true", help="have the chat model write utterances where there are none"
    )
    ingest.add_argument("--yes", action="store_true", help="spend what --expand costs without asking")
    ingest.add_argument("--json", action="store_true", help="the report as one JSON object")

    ask = commands.add_parser("ask", help="ask one question")
    ask.add_argument("question")
    ask.add_argument("--session", help="go on with this conversation")
    ask.add_argument("--json", action="store_true", help="one line an event, as on the wire")

    chat = commands.add_parser("chat", help="converse in the terminal")
    chat.add_argument("--url", help="a deployed chat; default: the one on this machine")
    chat.add_argument("--aws-iam", action="store_true", help="sign requests for a Function URL with AWS_IAM")

    evaluate = commands.add_parser("eval", help="measure retrieval, scope and follow-ups on question files")
    evaluate.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    evaluate.add_argument("--json", action="store_true", help="the figures as one JSON object")
    evaluate.add_argument("--rows", type=Path, help="write one JSON line a question to this file")

    ablate = commands.add_parser("ablate", help="measure what each part of the search adds, on question files")
    ablate.add_argument("paths", type=Path, nargs="+", metavar="PATH")

    bench = commands.add_parser("bench", help="measure how long warm turns take over HTTP")
    bench.add_argument("--turns", type=int, default=100)
    bench.add_argument("--json", action="store_true")

    report = commands.add_parser("report", help="what had no answer and what was disliked, by topic")
    report.add_argument("--days", type=_positive, default=30)
    report.add_argument("--csv", type=Path, help="write a row a question to this file")
    report.add_argument("--html", type=Path, help="write a page with charts to this file")
    report.add_argument("--json", action="store_true")
    report.add_argument(
        "--cloud", action="store_true", help="read what the environment names, not this machine's stack"
    )

    demo = commands.add_parser("demo", help="play the demo dialogues and print them as Markdown")
    demo.add_argument("--script", type=Path, default=ROOT / "local" / "sample" / "demo.jsonl")

    calibrate = commands.add_parser(
        "calibrate", help="measure the embeddings' centre and train the scope gate (needs the calibrate group)"
    )
    calibrate.add_argument("path", type=Path)

    commands.add_parser("down", help="stop what runs")

    for command in commands.choices.values():  # also after the command, where people write them
        command.add_argument("--port", type=int, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        command.add_argument("--state", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return main


def layout(arguments: argparse.Namespace) -> Layout:
    """Where the stack of these arguments lives."""
    return Layout(arguments.state, arguments.port)
