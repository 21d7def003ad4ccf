"""The processes that a stack has started, and how processes are stopped, also those that another process started."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from local.layout import ROOT
from local.record import Recorded
from local.servers import Server

POLL_S = 0.05
REAP_TIMEOUT_S = 10.0
LOG_TAIL_LINES = 15
LIFELINE = Path(__file__).with_name("lifeline.py")


class Child:
    """A server that runs, and its log."""

    def __init__(self, server: Server, logs: Path) -> None:
        self.server = server
        self.log = logs / f"{server.name}.log"
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        lifeline = (sys.executable, "-PSE", str(LIFELINE), str(os.getpid()), str(int(server.stop_signal)))
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [*lifeline, str(server.nice), *server.argv],
                env=server.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the supervisor only, which then stops the others in order
            )
        self.recorded = Recorded(
            name=server.name,
            pid=self._popen.pid,
            created=psutil.Process(self._popen.pid).create_time(),
            port=server.port,
            stop_signal=int(server.stop_signal),
            stop_timeout_s=server.stop_timeout_s,
        )

    def exit_status(self) -> int | None:
        """Tell how it ended (negative: by that signal), None while it runs; also reaps it."""
        return self._popen.poll()

    def reap(self) -> None:
        """Collect its exit status once it has been stopped."""
        self._popen.wait(timeout=REAP_TIMEOUT_S)

    def log_tail(self) -> str:
        """Show the last lines that this process, not an earlier one, wrote."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"  | {line}" for line in lines[-LOG_TAIL_LINES:]) or "  | (it wrote nothing)"


def stop(processes: Iterable[Recorded], *, with_descendants: bool = True) -> list[str]:
    """Ask all to end, wait for each as long as it may take, then kill; gives the names of those that had to be killed.

    What they started themselves, such as the emulator's Lambda workers, then goes with them.
    """
    live = [(recorded, process) for recorded in processes if (process := recorded.process())]
    descendants: list[psutil.Process] = []
    for recorded, process in live:
        with suppress(psutil.NoSuchProcess):
            if with_descendants:
                descendants += process.children(recursive=True)
            process.send_signal(recorded.stop_signal)
    began = time.monotonic()
    killed = []
    while live:
        time.sleep(POLL_S)
        live = [(recorded, process) for recorded, process in live if recorded.process()]
        for recorded, process in live:
            if recorded.name not in killed and time.monotonic() - began > recorded.stop_timeout_s:
                killed.append(recorded.name)
                with suppress(psutil.NoSuchProcess):
                    process.kill()
    for descendant in descendants:
        with suppress(psutil.NoSuchProcess):
            descendant.kill()  # psutil checks the start time, so a reused pid is safe
    return killed
