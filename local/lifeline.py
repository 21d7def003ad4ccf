"""Becomes a server that does not outlive the process that started it: `lifeline.py PARENT_PID SIGNAL NICE ARGV…`.

A supervisor that is killed with -9 can stop nobody, so on Linux the kernel is asked to send each child its own stop
signal when the supervisor dies. This runs between fork and exec of the server, as a program and not as `preexec_fn`,
which may deadlock in a process with threads. Elsewhere the next `up` or `down` cleans what is left. It imports the
standard library only and is started with `python -PSE`, so it costs 20 ms.
"""

import os
import signal
import sys


def main() -> None:
    """Set the process up, then exec: the pid stays that of the server."""
    parent, stop_signal, nice = (int(argument) for argument in sys.argv[1:4])
    argv = sys.argv[4:]
    # A shell's background job ignores SIGINT. Inherited, that would keep Milvus Lite from hearing its stop signal.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if nice:
        os.nice(nice)
    if sys.platform == "linux":
        _die_with_parent(stop_signal)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)
    os.execvp(argv[0], argv)  # noqa: S606 (no shell is wanted)


def _die_with_parent(stop_signal: int) -> None:
    import ctypes  # noqa: PLC0415 (not needed elsewhere than on Linux)

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, stop_signal, 0, 0, 0)


if __name__ == "__main__":
    main()
