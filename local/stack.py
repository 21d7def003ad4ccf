"""Starts the laptop's servers, watches them, and stops them in order.

One stack to a state folder, kept so by a lock that the kernel frees when its holder dies. What runs is written to
`stack.json` at each change: after a `kill -9` the next `up` or `down` knows exactly which processes are left to stop.
"""

import contextlib
import fcntl
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from local.children import POLL_S, Child, stop
from local.layout import PROFILE, Layout
from local.ports import port_holder
from local.record import Recorded, StackRecord
from local.running import Say, find_running, stop_leftovers, stop_running
from local.servers import Server, services

__all__ = ["Stack", "StackError", "find_running", "stop_running"]

WATCH_S = 0.2
RESTARTS = 5  # within RESTART_WINDOW_S, before a server is given up
RESTART_WINDOW_S = 60.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StackError(Exception):
    """The stack cannot start or go on; the message says why, to a person."""


@dataclass
class _Supervised:
    child: Child
    restart: bool
    watched: bool = False  # only what was ready once is restarted


class Stack:
    """Use as a context manager, in the main thread; leaving it stops everything, however it is left.

    Inside it SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does. While servers start or stop, signals wait for a
    safe moment.
    """

    def __init__(self, layout: Layout, say: Say = print, *, chat: bool = False) -> None:
        self.layout = layout
        self._tell = say
        self._chat = chat  # whether the chat's port will be needed: better refused before the others start
        self._supervised: list[_Supervised] = []  # in order of start
        self._record_lock = threading.Lock()
        self._ready = False
        self._failure = ""
        self._interrupted = threading.Event()
        self._stopping = threading.Event()
        self._deferring = False
        self._handlers: dict[int, Any] = {}
        self._lock_file: int | None = None
        self._watcher: threading.Thread | None = None
        # The kernel's parent-death signal means the thread that forked, so one thread forks, and lives as long as we do
        self._forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")

    # what commands call

    def __enter__(self) -> Self:
        """Start; raises StackError."""
        try:
            self._catch_signals()
            with self._deferred():
                self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def environment(self) -> dict[str, str]:
        """Give what product processes need."""
        return self.layout.environment()

    def add(self, server: Server, *, restart: bool = True) -> None:
        """Start one more server and wait until it is ready; `restart` it whenever it ends by itself."""
        with self._deferred():
            self._check([server])
            self._await_ready([self._spawn(server, restart=restart)])

    def wait(self) -> None:
        """Block until SIGINT, SIGTERM or SIGHUP; StackError when a server cannot be kept up."""
        with self._deferred(raise_at_end=False):
            while not self._interrupted.wait(WATCH_S):
                if self._failure:
                    raise StackError(self._failure)

    def stop(self) -> None:
        """Stop what runs: first what was added, last added first, then the services together. May be called twice."""
        with self._deferred(raise_at_end=False):
            self._stopping.set()
            if self._watcher:
                self._watcher.join()
            if self._supervised:
                self._stop_children()
            self._forker.shutdown()
            if self._lock_file is not None:
                self.layout.record.unlink(missing_ok=True)
                os.close(self._lock_file)
                self._lock_file = None
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._handlers.clear()

    running = staticmethod(find_running)

    def _stop_children(self) -> None:
        began = time.monotonic()
        running = [supervised.child.recorded for supervised in self._supervised]
        names = {server.name for server in services(self.layout)}
        together = [child for child in running if child.name in names]
        groups = [[child] for child in reversed(running) if child.name not in names] + [together]
        self._say("stopping " + ", ".join(child.name for group in groups for child in group))
        killed = [name for group in groups for name in stop(group)]
        for supervised in self._supervised:
            supervised.child.reap()
        self._supervised.clear()
        if killed:
            self._say(f"did not stop in time and had to be killed: {', '.join(killed)}")
        self._say(f"stopped in {time.monotonic() - began:.1f} s")

    # starting

    def _start(self) -> None:
        began = time.monotonic()
        self.layout.logs.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        stop_leftovers(self.layout, self._say)
        wanted = services(self.layout)
        self._check(wanted)
        self._lay_out()
        self._write_record()
        started = [self._spawn(server, restart=True) for server in wanted]
        self._ready = True
        self._await_ready(started)
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._watcher.start()
        self._say(f"services ready after {time.monotonic() - began:.1f} s")

    def _take_lock(self) -> None:
        lock_file = os.open(self.layout.state / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock_file)
            record = StackRecord.read(self.layout.record)
            who = f" (pid {record.supervisor.pid}, port {record.port})" if record else ""
            raise StackError(
                f"a stack already runs from {self.layout.state}{who}: use it, or stop it with `python -m local down`"
            ) from None
        self._lock_file = lock_file

    def _check(self, wanted: Sequence[Server]) -> None:
        """Refuse what cannot work before anything is started."""
        for server in wanted:
            if not Path(server.argv[0]).exists():
                raise StackError(f"{server.name}: {server.argv[0]} is not installed; `make install` installs it")
        ports = [(server.name, server.port) for server in wanted if server.port]
        if self._chat and not self._ready:
            ports.insert(0, ("chat", self.layout.port))
        busy = [f"port {port} ({name}) is in use by {holder}" for name, port in ports if (holder := port_holder(port))]
        if busy:
            raise StackError("; ".join(busy) + f". Stop that, or choose another port than {self.layout.port}")

    def _lay_out(self) -> None:
        """Make the folders, and put the last run's logs aside, so that logs hold two runs and do not grow for ever."""
        for folder in ("milvus", "aws/state", "aws/s3", "aws/tmp"):
            (self.layout.state / folder).mkdir(parents=True, exist_ok=True)
        self.layout.aws_config.write_text(f"[profile {PROFILE}]\n")
        for log in self.layout.logs.glob("*.log"):
            log.replace(log.with_suffix(".log.1"))

    def _spawn(self, server: Server, *, restart: bool) -> _Supervised:
        where = f" on 127.0.0.1:{server.port}" if server.port else ""
        self._say(f"starting {server.name}{where}" + (f": {server.says}" if server.says else ""))
        supervised = _Supervised(self._forker.submit(Child, server, self.layout.logs).result(), restart)
        self._supervised.append(supervised)
        self._write_record()
        return supervised

    def _await_ready(self, started: list[_Supervised]) -> None:
        began = time.monotonic()
        waiting = list(started)
        while waiting:
            if self._interrupted.is_set() or self._stopping.is_set():
                raise KeyboardInterrupt
            for supervised in list(waiting):
                child, taken = supervised.child, time.monotonic() - began
                if (status := child.exit_status()) is not None:
                    raise StackError(
                        f"{child.server.name} ended before it was ready ({_spoken(status)}). {_log(child)}"
                    )
                if child.server.ready():
                    supervised.watched = True
                    waiting.remove(supervised)
                elif taken > child.server.ready_timeout_s:
                    raise StackError(f"{child.server.name} was not ready after {taken:.0f} s. {_log(child)}")
            time.sleep(POLL_S)
        self._write_record()

    # watching

    def _watch(self) -> None:
        restarts: dict[str, deque[float]] = {}
        while not self._stopping.wait(WATCH_S) and not self._failure:
            for supervised in list(self._supervised):
                child = supervised.child
                if not supervised.watched or (status := child.exit_status()) is None:
                    continue
                self._supervised.remove(supervised)
                if supervised.restart:
                    self._restart(child, status, restarts.setdefault(child.server.name, deque(maxlen=RESTARTS)))
                else:
                    self._say(f"{child.server.name} has ended ({_spoken(status)})")

    def _restart(self, child: Child, status: int, recent: deque[float]) -> None:
        name = child.server.name
        if len(recent) == RESTARTS and time.monotonic() - recent[0] < RESTART_WINDOW_S:
            self._failure = f"{name} keeps ending ({_spoken(status)}). {_log(child)}"
            return
        recent.append(time.monotonic())
        self._say(f"{name} ended by itself ({_spoken(status)}): starting it again")
        try:
            self._await_ready([self._spawn(child.server, restart=True)])
            self._say(f"{name} is back after {time.monotonic() - recent[-1]:.1f} s")
        except StackError as error:
            self._failure = str(error)
        except KeyboardInterrupt:  # we are being stopped; stop() waits for this thread
            return

    def _write_record(self) -> None:
        with self._record_lock:
            supervised = list(self._supervised)
            chat = any(one.watched and one.child.server.name == "chat" for one in supervised)
            StackRecord(
                port=self.layout.port,
                chat_url=self.layout.chat_url if chat else None,
                ready=self._ready,
                supervisor=Recorded.of_this_process("supervisor"),
                children=tuple(one.child.recorded for one in supervised),
            ).write(self.layout.record)

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a terminal or pipe that has gone must not keep us from stopping in order
            self._tell(text)

    # signals

    def _catch_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in STOP_SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            self._handlers[number] = signal.signal(number, self._interrupt)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupted.set()
        if not self._deferring:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def _deferred(self, *, raise_at_end: bool = True) -> Iterator[None]:
        """Keep a signal from breaking in between a fork and its record, or into an orderly stop."""
        before, self._deferring = self._deferring, True
        try:
            yield
        finally:
            self._deferring = before
        if raise_at_end and not before and self._interrupted.is_set():
            raise KeyboardInterrupt


def _log(child: Child) -> str:
    return f"The end of {child.log}:\n{child.log_tail()}"


def _spoken(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
