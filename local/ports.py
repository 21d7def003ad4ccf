"""Questions to a port of this machine: is it answered, and who has it."""

import http.client
import socket
from collections.abc import Callable

import psutil

from local.layout import HOST

PROBE_TIMEOUT_S = 1.0

Probe = Callable[[], bool]


def accepts(port: int) -> Probe:
    """Ready when the port takes connections."""

    def probe() -> bool:
        with socket.socket() as client:
            client.settimeout(PROBE_TIMEOUT_S)
            return client.connect_ex((HOST, port)) == 0

    return probe


def http_ok(port: int, path: str) -> Probe:
    """Ready when a GET is answered 200. Plain http.client: a proxy in the environment must not be asked."""

    def probe() -> bool:
        connection = http.client.HTTPConnection(HOST, port, timeout=PROBE_TIMEOUT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe


def port_holder(port: int) -> str | None:
    """Tell who has the port: a process, or "another program" where we may not look; None when it is free."""
    if _is_free(port):
        return None
    try:
        listening = [
            c
            for c in psutil.net_connections(kind="tcp")
            if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port
        ]
    except psutil.AccessDenied:  # macOS shows other processes' sockets to root only
        listening = []
    for pid in (connection.pid for connection in listening if connection.pid):
        try:
            process = psutil.Process(pid)
            command = " ".join(process.cmdline())[:100] or process.name()
        except psutil.Error:
            continue
        return f"pid {pid} ({command})"
    return "another program"


def _is_free(port: int) -> bool:
    if accepts(port)():
        return False
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT do not hold a port
        try:
            server.bind((HOST, port))
        except OSError:
            return False
    return True
