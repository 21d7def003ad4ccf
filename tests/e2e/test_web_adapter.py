"""run.sh as the Lambda Web Adapter starts it in Lambda: what goes in, what comes out, and what operators see of it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from faqchat.adapters.telemetry import id_hash
from local.layout import HOST, ROOT
from tests.e2e.product import Chat, Stream, free_port, until
from tests.scripted_openai import ScriptedOpenAI, answer
from tests.scripted_openai import until as once

QUESTION = "반품 배송비는 누가 내나요?"
FIRST, SECOND = "구매자의 사정이면 구매자가 냅니다. [1]", " 상품에 문제가 있으면 판매자가 냅니다. [1]"
READY_S = 60  # 3 s on two quiet cores
REQUEST_ID, INVOCATION_ID = "JKJaXmPLvHcESHA=", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
TRACE_ID = "1-6921c2f0-5a3b2c1d4e5f60718293a4b5"
# what the adapter adds to each request
HEADERS = {
    "x-amzn-request-context": json.dumps({"accountId": "anonymous", "requestId": REQUEST_ID, "stage": "$default"}),
    "x-amzn-lambda-context": json.dumps({"request_id": INVOCATION_ID, "deadline": 1795338060000}),
    "x-amzn-trace-id": f"Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1",
}


class Sandbox:
    """An execution environment: the artefact and a layer in read-only folders, and the process that runs there."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._task, layer = folder / "var" / "task", folder / "opt" / "python"
        left_out = shutil.ignore_patterns("__pycache__", "Makefile")
        shutil.copytree(ROOT / "functions" / "chat", self._task, ignore=left_out)
        shutil.copytree(ROOT / "layers" / "faqchat" / "faqchat", layer / "faqchat", ignore=left_out)
        self._shipped = self._files()
        for path in (*folder.rglob("*"),):
            path.chmod(path.stat().st_mode & ~0o222)
        port = free_port()
        self.chat = Chat(f"http://{HOST}:{port}")
        lambda_s = {
            "LAMBDA_TASK_ROOT": str(self._task),
            "AWS_LAMBDA_FUNCTION_NAME": "faqchat-stream",
            "AWS_LWA_PORT": str(port),
            "AWS_LWA_INVOKE_MODE": "response_stream",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(layer),
            "POWERTOOLS_SERVICE_NAME": "faqchat-stream",
            "TZ": ":UTC",
        }
        began = time.monotonic()
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(
                [self._task / "run.sh"], cwd=self._task, stdout=stdout, stderr=stderr, env=environment | lambda_s
            )
        while not self._healthy():
            assert self.process.poll() is None, self.stderr
            assert time.monotonic() - began < READY_S
            time.sleep(0.01)
        self.ready_s = time.monotonic() - began

    @property
    def told(self) -> list[dict]:
        """What the process has written to stdout: each line is JSON."""
        return [json.loads(line) for line in (self._folder / "stdout").read_text("utf-8").splitlines()]

    @property
    def stderr(self) -> str:
        return (self._folder / "stderr").read_text("utf-8")

    @property
    def written(self) -> set[Path]:
        """What has appeared among the code."""
        return self._files() - self._shipped

    def close(self) -> None:
        self.chat.http.close()
        self.process.kill()
        self.process.wait()

    def _files(self) -> set[Path]:
        return {path for part in ("var", "opt") for path in (self._folder / part).rglob("*")}

    def _healthy(self) -> bool:
        with suppress(httpx.HTTPError):
            return 100 <= self.chat.http.get("/healthz").status_code < 500
        return False


@pytest.fixture(scope="module")
def model():
    with ScriptedOpenAI() as server:
        yield server


@pytest.fixture(scope="module")
def daemon():
    """What listens where the X-Ray daemon would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((HOST, 0))
        listening.settimeout(5)
        yield listening


@pytest.fixture(scope="module")
def sandbox(product, model, daemon, tmp_path_factory):
    environment = product.layout.environment() | {
        "AWS_XRAY_DAEMON_ADDRESS": f"{HOST}:{daemon.getsockname()[1]}",
        "FAQCHAT_CHAT_MODEL": "scripted",
        "FAQCHAT_CHAT_BASE_URL": model.base_url,
        "FAQCHAT_CHAT_PRICE_OUT": "2",
        "FAQCHAT_RESUME_GRACE_S": "1",
    }
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), environment)
    yield sandbox
    sandbox.close()


def ask(sandbox, headers):
    return sandbox.chat.http.stream("POST", "/v1/chat/stream", json={"message": QUESTION}, headers=headers)


def lines(told):
    return [one for one in told if one.get("message") == "turn"]


def test_a_turn_streams_and_is_told_when_its_last_event_arrives(sandbox, model, daemon):
    print(f"ready in {sandbox.ready_s:.2f} s")
    gate = threading.Event()
    model.chat.append(answer(FIRST, SECOND[:3], once(gate), SECOND[3:]))
    with ask(sandbox, HEADERS) as response:
        stream = Stream(response)
        start, *_, delta = stream.until("delta")
        assert not model.exchanges[0].finished.is_set(), "the first events are here before the last is made"
        assert delta.data["text"] == FIRST
        assert sandbox.told == []
        gate.set()
        done = stream.until("done")[-1]
        told = sandbox.told

    assert response.headers["x-request-id"] == REQUEST_ID
    (line,) = lines(told)
    assert (line["correlation_id"], line["function_request_id"]) == (REQUEST_ID, INVOCATION_ID)
    assert (line["turn"], line["outcome"]) == (id_hash(start.data["turn_id"]), done.data["outcome"])
    assert line["session"] == id_hash(start.data["session_id"])
    assert line["tokens"] == done.data["usage"]
    assert line["xray_trace_id"] == TRACE_ID
    measures, turns = (one for one in told if "_aws" in one)
    assert (measures["service"], measures["ColdStart"], measures["CompletionTokens"]) == ("faqchat-stream", [1], [40])
    assert (turns["outcome"], turns["Turns"]) == ("answered", [1])
    trace = json.loads(daemon.recv(65_536).partition(b"\n")[2])
    assert (trace["trace_id"], trace["annotations"]["outcome"]) == (TRACE_ID, "answered")

    seen = json.dumps([told, trace], ensure_ascii=False) + sandbox.stderr
    for secret in (start.data["session_id"], "반품", "배송비", "구매자", "판매자"):
        assert secret not in seen


def test_malformed_contexts_break_no_request(sandbox, model):
    before = len(lines(sandbox.told))
    headers = {"x-amzn-request-context": "{", "x-amzn-lambda-context": "7", "x-amzn-trace-id": "Sampled=1"}
    with ask(sandbox, headers) as response:
        assert Stream(response).until("done")
    (line,) = lines(sandbox.told)[before:]
    assert line["correlation_id"] == response.headers["x-request-id"]


def test_a_client_that_leaves_is_told(sandbox, model):
    before = len(lines(sandbox.told))
    gate = threading.Event()
    model.chat.append(answer(f"{FIRST}\n", once(gate), SECOND))
    with ask(sandbox, HEADERS) as response:
        Stream(response).until("delta")
    (line,) = until(lambda: lines(sandbox.told)[before:])
    gate.set()
    assert (line["outcome"], line["correlation_id"]) == ("cancelled", REQUEST_ID)


def test_sigterm_ends_it_in_good_order_and_nothing_was_written_among_the_code(sandbox):
    sandbox.process.send_signal(signal.SIGTERM)
    assert sandbox.process.wait(10) in (0, -signal.SIGTERM)
    assert sandbox.written == set()
    assert "Traceback" not in sandbox.stderr
