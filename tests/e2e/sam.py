"""The built functions in containers, as SAM CLI runs them, on the services of a stack of this machine."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from faqchat.settings import Settings
from local.layout import HOST, REGION, ROOT, TOOLS, Layout
from local.ports import accepts
from tests.e2e.product import free_port, until
from tests.e2e.wire import Wire

BUILD = ROOT / ".aws-sam" / "build"
SAM = TOOLS / "sam" / "bin" / "python"
HOST_FROM_INSIDE = "host.docker.internal"
START_S = 120.0
ANSWER_S = 180.0  # the first one waits for the image with the layers to be built: 17 s on two quiet cores
STOP_S = 60.0


class Answer(NamedTuple):
    """What an invocation gave, and how long the function itself took, its start included."""

    result: Any
    duration_s: float


class SamLocal:
    """`sam local` on the built template; a context manager, for containers reach the stack over wires of its own."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.log = folder / "start-api.log"
        self._template = folder / "template.yaml"
        self._variables = folder / "variables.json"
        self._events = folder / "event.json"
        # A container does not reach the host's loopback: while this runs, services are offered on the engine's bridge.
        self._bridge = _bridge_address()
        self._wires = [
            Wire(port, self._bridge) for port in (layout.vector_port, layout.embedding_port, layout.aws_port)
        ]
        self._exits = ExitStack()

    def __enter__(self) -> "SamLocal":
        for wire in self._wires:
            self._exits.enter_context(wire)
        self._template.write_text(yaml.safe_dump(_for_sam_local(), sort_keys=False), "utf-8")
        vectors, embeddings, aws = (f"http://{HOST_FROM_INSIDE}:{wire.port}" for wire in self._wires)
        settings = Settings()
        variables = {
            "AWS_ENDPOINT_URL": aws,
            "FAQCHAT_MILVUS_URI": vectors,
            "FAQCHAT_EMBEDDING_BASE_URL": f"{embeddings}/v1",
            "FAQCHAT_CONVERSATIONS_TABLE": settings.conversations_table,
            "FAQCHAT_TURNS_TABLE": settings.turns_table,
            "FAQCHAT_INGEST_TABLE": settings.ingest_table,
            "FAQCHAT_BUCKET": settings.bucket,
        }
        self._variables.write_text(json.dumps({"Parameters": variables}), "utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    @contextmanager
    def api(self) -> Iterator[httpx.Client]:
        """A client of `sam local start-api`."""
        port = free_port()
        options = ["--host", HOST, "--port", str(port), "--warm-containers", "LAZY"]
        with self.log.open("wb") as log:
            process = subprocess.Popen(self._command("start-api", *options), stdout=log, stderr=log, env=_environment())
        try:
            until(lambda: process.poll() is not None or accepts(port)(), START_S)
            assert process.poll() is None, self.log.read_text()
            with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=ANSWER_S, trust_env=False) as client:
                yield client
        finally:
            process.send_signal(signal.SIGINT)  # on which it removes its containers
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()
            process.wait()

    def invoke(self, function: str, event: dict[str, Any]) -> Answer:
        """What a function answers in a container of its own, begun for this event."""
        self._events.write_text(json.dumps(event), "utf-8")
        done = subprocess.run(
            self._command("invoke", function, "--event", str(self._events)),
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            env=_environment(),
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Answer(json.loads(done.stdout), durations(done.stderr)[-1])

    def _command(self, command: str, *options: str) -> list[str]:
        ours = ["--template", str(self._template), "--env-vars", str(self._variables), "--skip-pull-image"]
        network = ["--add-host", f"{HOST_FROM_INSIDE}:{self._bridge}"]
        parameters = ['AdapterLayerArn=""', "MilvusUri=local", "EmbeddingBaseUrl=local"]
        models = ["EmbeddingQueryModel=e5-query", "EmbeddingPassageModel=e5-passage"]
        return [
            *(str(SAM), "-m", "samcli", "local", command),
            *options,
            *ours,
            *network,
            *("--parameter-overrides", " ".join(parameters + models)),
        ]


def missing() -> str | None:
    """What `sam local` lacks on this machine; None when all is there."""
    if not (BUILD / "template.yaml").exists():
        return "nothing is built: make build"
    if sys.platform != "linux":
        return "an engine in a virtual machine has no bridge on this machine"
    engine = subprocess.run(["docker", "info"], capture_output=True, check=False) if shutil.which("docker") else None
    return None if engine and engine.returncode == 0 else "no Docker engine answers"


def durations(log: str) -> list[float]:
    """How many seconds each invocation took inside its container."""
    return [float(ms) / 1_000 for ms in re.findall(r"^REPORT .*?\tDuration: ([\d.]+) ms", log, re.MULTILINE)]


def timed(client: httpx.Client, message: str, **more: Any) -> tuple[dict[str, Any], float]:
    """A turn through the buffered door, and how many seconds it took."""
    began = time.perf_counter()
    response = client.post("/v1/chat", json={"message": message, **more})
    assert response.status_code == 200, response.text
    return response.json(), time.perf_counter() - began


def _for_sam_local() -> dict[str, Any]:
    """The built template with the address of the emulator: `sam local` sets declared variables only."""
    template = yaml.safe_load((BUILD / "template.yaml").read_text("utf-8"))
    template["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = ""
    for resource in template["Resources"].values():
        for name in resource.get("Properties", {}).keys() & {"CodeUri", "ContentUri"}:
            resource["Properties"][name] = str(BUILD / resource["Properties"][name])
    return template


def _environment() -> dict[str, str]:
    """No account: names and keys that only an emulator takes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SAM_CLI_TELEMETRY": "0",
    }


def _bridge_address() -> str:
    """The host's address on the engine's bridge: the first of its network, unless the engine was told another."""
    config = "{{with index .IPAM.Config 0}}{{.Subnet}} {{.Gateway}}{{end}}"
    command = ["docker", "network", "inspect", "bridge", "--format", config]
    subnet, *gateway = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return gateway[0] if gateway else str(next(ip_network(subnet).hosts()))
