"""The product as its users meet it: the command line, the stack that it starts, and the doors of a chat server."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import psutil

from faqchat import faq
from local.layout import HOST, ROOT
from local.ports import port_holder
from local.record import StackRecord
from tests.layouts import free_layout, ports_of

FAQ = Path(__file__).with_name("faq.jsonl")
UP_TIMEOUT_S = 600.0  # 40 s on two quiet cores, most of it the scope gate's 2,800 texts; 140 s on busy ones
STOP_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 120.0
PATIENCE_S = 15.0

_Found = TypeVar("_Found")


class Event(NamedTuple):
    """One server-sent event."""

    name: str
    id: str
    data: dict[str, Any]


class Turn:
    """A whole turn, from its events."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)

    @classmethod
    def of_lines(cls, lines: str) -> "Turn":
        """From what `ask --json` prints."""
        objects = map(json.loads, lines.splitlines())
        return cls(Event(event["type"], "", event) for event in objects)

    def __getitem__(self, name: str) -> Any:
        """The data of the one event of this name."""
        (found,) = (event.data for event in self.events if event.name == name)
        return found

    @property
    def names(self) -> list[str]:
        """The kinds of events in their order, neighbours of a kind once."""
        names = [event.name for event in self.events]
        return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]

    @property
    def session_id(self) -> str:
        return self["start"]["session_id"]

    @property
    def text(self) -> str:
        return "".join(event.data["text"] for event in self.events if event.name == "delta")

    @property
    def source_ids(self) -> list[str]:
        return [source["faq_id"] for source in self["sources"]["sources"]]

    @property
    def offers(self) -> list[dict[str, str]]:
        return self["followups"]["followups"]

    @property
    def outcome(self) -> str:
        return self["done"]["outcome"]

    @property
    def degraded(self) -> list[str]:
        return self["done"]["degraded"]


class Stream:
    """A turn while it arrives: iterate to get its events; comment lines are kept aside."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.comments: list[str] = []
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in self._lines:
            if line.startswith(":"):
                self.comments.append(line)
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
                fields = {}

    def until(self, name: str) -> list[Event]:
        """The events up to the first of this name."""
        events = []
        for event in self:
            events.append(event)
            if event.name == name:
                return events
        raise AssertionError(f"the stream ended without {name}: {events}")

    def await_comments(self, count: int) -> None:
        """Read on until so many comment lines have come, and no event."""
        while len(self.comments) < count:
            line = next(self._lines)
            assert line.startswith(":") or not line, line
            self.comments += [line] if line else []


class Chat:
    """A client of one chat server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False)

    def ask(self, message: str, session_id: str | None = None, followup_id: str | None = None) -> Turn:
        """One turn through the streaming door."""
        with self.stream(message, session_id, followup_id) as stream:
            assert stream.response.status_code == 200, stream.response.read().decode()
            return Turn(stream)

    @contextmanager
    def stream(self, message: str, session_id: str | None = None, followup_id: str | None = None) -> Iterator[Stream]:
        """One turn as it arrives; leaving early hangs up."""
        body = {"message": message, "session_id": session_id, "followup_id": followup_id}
        with self.http.stream("POST", "/v1/chat/stream", json=body) as response:
            yield Stream(response)

    def turns(self, session_id: str) -> list[dict[str, Any]]:
        """The stored turns of a conversation."""
        return self.http.get(f"/v1/sessions/{session_id}").raise_for_status().json()["turns"]

    def readiness(self) -> tuple[int, dict[str, str]]:
        """The status of /readyz, and what it says of each part."""
        response = self.http.get("/readyz")
        return response.status_code, response.json()["parts"]


class Product:
    """`python -m local up` on a small FAQ, with a folder and ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = free_layout(folder / "state")
        self.chat = Chat(self.layout.chat_url)
        self.killed = ""  # what the start that was killed had printed
        self.resumed = ""  # what the one after it had printed when it served
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it and do not wait."""
        self._starts += 1
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command("up", "--faq", str(FAQ)), stdout=log, stderr=log, cwd=ROOT, env=_environment()
            )

    def start(self) -> None:
        """Start it and wait until it says that it serves."""
        self.launch()
        until(lambda: self._runs() and "Ctrl-C stops everything" in self.said, UP_TIMEOUT_S)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; gives its exit status."""
        assert self._process
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended; gives its exit status."""
        assert self._process
        status = self._process.wait(STOP_TIMEOUT_S)
        self._process = None
        return status

    def kill_supervisor(self) -> None:
        """`kill -9`, which nothing can catch; on Linux the kernel then stops its children."""
        _, *children = self.processes()
        assert self._process
        self._process.kill()
        self.wait()
        if sys.platform == "linux":
            until(lambda: not any(map(lives, children)))

    def close(self) -> None:
        """Leave nothing behind, whatever happened."""
        self.chat.http.close()
        if self._process:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)
            self._process.kill()
            self._process.wait()

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all that it started."""
        assert self._process
        supervisor = psutil.Process(self._process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def pid(self, name: str) -> int | None:
        """The process id of a server, as `stack.json` has it; None while it does not run."""
        record = StackRecord.read(self.layout.record)
        live = [child for child in record.children if child.process()] if record else []
        return next((child.pid for child in live if child.name == name), None)

    @property
    def answers(self) -> bool:
        """Whether the chat takes requests."""
        return _answers(self.chat.url)

    @property
    def said(self) -> str:
        """What the last start has printed so far."""
        return self._log.read_text("utf-8")

    @property
    def busy_ports(self) -> list[int]:
        """The ports of the stack that somebody has."""
        return [port for port in ports_of(self.layout) if port_holder(port)]

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Another command on this stack."""
        return subprocess.run(
            self._command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            cwd=ROOT,
            env=_environment() | environment,
            check=False,
        )

    def begin(self, *arguments: str, stdin: int, **environment: str) -> "subprocess.Popen[str]":
        """Another command on this stack, which the test talks to while it runs."""
        return subprocess.Popen(
            self._command(*arguments),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=_environment() | environment,
        )

    def ingest(self, path: Path) -> dict[str, Any]:
        """The report of an ingest."""
        done = self.run("ingest", str(path), "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def another_chat(self, **environment: str) -> Iterator[Chat]:
        """One more chat server on the same services, started from run.sh as the Lambda Web Adapter does it."""
        port = free_port()
        log_path = self.folder / f"chat-{port}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [ROOT / "functions" / "chat" / "run.sh"],
                stdout=log,
                stderr=log,
                env=_environment() | self.layout.environment() | environment | {"PORT": str(port)},
            )
        chat = Chat(f"http://{HOST}:{port}")
        try:
            until(lambda: process.poll() is not None or _answers(chat.url), 60)
            assert process.poll() is None, log_path.read_text()
            yield chat
        finally:
            chat.http.close()
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()

    @property
    def _log(self) -> Path:
        return self.folder / f"up-{self._starts}.log"

    def _command(self, *arguments: str) -> list[str]:
        stack = ["--port", str(self.layout.port), "--state", str(self.layout.state)]
        return [sys.executable, "-m", "local", *stack, *arguments]

    def _runs(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.said
        return True


def until(condition: Callable[[], _Found], seconds: float = PATIENCE_S) -> _Found:
    """The first true result; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"still not so after {seconds:g} s"
        time.sleep(0.05)
    return found


def id_of(words: str) -> str:
    """The id of the one entry of the small FAQ whose question holds these words."""
    questions = [json.loads(line)["question"] for line in FAQ.read_text("utf-8").splitlines()]
    (question,) = (question for question in questions if words in question)
    return faq.faq_id(question)


def embedded(said: str) -> tuple[int, int]:
    """How many texts of how many an ingest has said to have embedded last."""
    found = re.findall(r"embedded ([\d,]+) of ([\d,]+) texts", said)
    done, total = found[-1] if found else ("0", "0")
    return int(done.replace(",", "")), int(total.replace(",", ""))


def free_port() -> int:
    """A port below those that outgoing connections take, so that it stays free while nobody listens."""
    while port_holder(port := random.randrange(20_000, 30_000)):
        pass
    return port


def _environment() -> dict[str, str]:
    """What a user's shell gives; with byte code kept, or each command compiles all it imports."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{url}/healthz", timeout=1, trust_env=False).is_success
    return False


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
