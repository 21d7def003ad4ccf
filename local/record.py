"""`stack.json`: the processes of a stack, known by pid and start time, so that nothing else is ever signalled."""

import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import psutil

SAME_START_S = 2.0  # psutil derives start times from the wall clock, which a time service may move a little


@dataclass(frozen=True)
class Recorded:
    """What must be known of a process to stop it later: `stack.json` keeps these."""

    name: str
    pid: int
    created: float
    port: int = 0
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 10.0

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        """Read one back; TypeError or KeyError when it is not one."""
        return cls(**fields)

    @classmethod
    def of_this_process(cls, name: str) -> Self:
        """Record the supervisor itself."""
        return cls(name=name, pid=os.getpid(), created=psutil.Process().create_time())

    def process(self) -> psutil.Process | None:
        """Find the process; None when it has ended or the pid is somebody else's by now."""
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1:
                return None  # while a thread of it still ends, its ports and locks are held
            return process if abs(process.create_time() - self.created) < SAME_START_S else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True)
class StackRecord:
    """A stack as other processes see it. `chat_url` is None while it serves no chat."""

    port: int
    chat_url: str | None
    ready: bool
    supervisor: Recorded
    children: tuple[Recorded, ...]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read it; None when there is none or it is no record."""
        try:
            fields = json.loads(path.read_text())
            fields["supervisor"] = Recorded.parse(fields["supervisor"])
            fields["children"] = tuple(Recorded.parse(child) for child in fields["children"])
            return cls(**fields)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write it, never half of it."""
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=1))
        fresh.replace(path)
