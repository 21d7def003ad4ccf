"""A stack that another process supervises: find it, use it, stop it, and stop what a killed one has left."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from local.children import stop
from local.layout import Layout
from local.record import StackRecord

DOWN_TIMEOUT_S = 90.0  # more than any orderly stop takes

Say = Callable[[str], None]


@dataclass(frozen=True)
class RunningStack:
    """A stack that another process supervises. `chat_url` is None when it serves no chat: `eval` started it, say."""

    layout: Layout
    pid: int
    chat_url: str | None

    def environment(self) -> dict[str, str]:
        """Give what product processes need to use it."""
        return self.layout.environment()


def find_running(layout: Layout) -> RunningStack | None:
    """Find the live stack of this state folder, whatever its port; None when there is none, or not yet."""
    record = StackRecord.read(layout.record)
    if not (record and record.ready and record.supervisor.process()):
        return None
    return RunningStack(Layout(layout.state, record.port), record.supervisor.pid, record.chat_url)


def stop_running(layout: Layout, say: Say = print) -> bool:
    """Stop the stack of this state folder, also one whose supervisor was killed; False when nothing of it runs."""
    record = StackRecord.read(layout.record)
    if record is None:
        return False
    supervisor = record.supervisor.process()
    if supervisor is None:
        return stop_leftovers(layout, say)
    say(f"asking the stack at port {record.port} (pid {supervisor.pid}) to stop")
    if stop([replace(record.supervisor, stop_timeout_s=DOWN_TIMEOUT_S)], with_descendants=False):
        say(f"it did not stop within {DOWN_TIMEOUT_S:.0f} s and was killed")
    stop_leftovers(layout, say)
    return True


def stop_leftovers(layout: Layout, say: Say) -> bool:
    """Stop the recorded children of a supervisor that is gone; False when there were none."""
    record = StackRecord.read(layout.record)
    if record is None:
        return False
    left = [child for child in record.children if child.process()]
    if left:
        say("stopping what a killed stack left behind: " + ", ".join(child.name for child in left))
        stop(left)
    layout.record.unlink(missing_ok=True)
    return bool(left)
