"""A turn in X-Ray, as Lambda's daemon receives it: sent in Lambda and where the trace was sampled, nowhere else."""

import json
import os
import socket
import subprocess
import sys

import pytest

from faqchat.adapters.telemetry import id_hash
from local.layout import ROOT

TRACE = "Root=1-6921c2f0-5a3b2c1d4e5f60718293a4b5;Parent=53995c3f42cd8ad8"
SECRET = "제 사업자번호는 비밀입니다"

# a process that serves turns one after the other, as Lambda's does, and then says whether it has the X-Ray SDK
TURNS = """
import asyncio, json, sys
from faqchat.adapters import telemetry
from faqchat.adapters.correlation import correlate
from faqchat.events import Delta, Done, Start

async def turn(number):
    yield Start(session_id="s" * 32, turn_id=f"t{number}", model="scripted")
    yield Delta(text=sys.argv[1])
    await asyncio.sleep(0.05)
    yield Done(outcome="answered", degraded=("model", "vectors"))

async def main():
    for number, header in enumerate(sys.argv[2:]):
        ids = correlate({"headers": [(b"x-amzn-trace-id", header.encode())]})
        telemetry.adopt_trace(ids)
        async for event in telemetry.observed(turn(number), ids):
            pass

asyncio.run(main())
print("aws_xray_sdk" in sys.modules, file=sys.stderr)
"""


@pytest.fixture
def daemon():
    """What listens where the X-Ray daemon would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield listening


def received(daemon):
    """The subsegments that have arrived."""
    found = []
    while True:
        try:
            head, _, body = daemon.recv(65_536).partition(b"\n")
        except BlockingIOError:
            return found
        assert json.loads(head) == {"format": "json", "version": 1}
        found.append(json.loads(body))


def run(daemon, *headers, **environment):
    """Serve a turn a header; gives what stdout got, and whether the X-Ray SDK was imported."""
    aws = {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}"} | environment
    done = subprocess.run(
        [sys.executable, "-c", TURNS, SECRET, *headers],
        cwd=ROOT,
        env=os.environ | aws,
        capture_output=True,
        text=True,
        check=True,
    )
    *warnings, imported = done.stderr.splitlines()
    assert not warnings, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], imported == "True"


def test_each_sampled_turn_is_a_subsegment_of_its_own_trace(daemon, tmp_path):
    other = TRACE.replace("6921c2f0", "6921c2f1")
    told, _ = run(daemon, f"{TRACE};Sampled=1", f"{other};Sampled=1", LAMBDA_TASK_ROOT=str(tmp_path))
    first, second = received(daemon)
    assert first["trace_id"] == "1-6921c2f0-5a3b2c1d4e5f60718293a4b5"
    assert second["trace_id"] == "1-6921c2f1-5a3b2c1d4e5f60718293a4b5"
    for found in (first, second):
        assert (found["name"], found["type"], found["parent_id"]) == ("turn", "subsegment", "53995c3f42cd8ad8")
        assert found["annotations"] == {"outcome": "answered", "degraded": "model,vectors", "model": "scripted"}
        assert 0.05 < found["end_time"] - found["start_time"] < 5
        assert "사업자" not in json.dumps(found, ensure_ascii=False)
    ids = [line["xray_trace_id"] for line in told if line.get("message") == "turn"]
    assert ids == [first["trace_id"], second["trace_id"]]


@pytest.mark.parametrize("header", [f"{TRACE};Sampled=0", TRACE, "", "Sampled=1;nonsense"])
def test_nothing_is_sent_where_the_trace_was_not_sampled(daemon, tmp_path, header):
    told, imported = run(daemon, header, _X_AMZN_TRACE_ID=f"{TRACE};Sampled=1", LAMBDA_TASK_ROOT=str(tmp_path))
    assert received(daemon) == []
    assert [line["turn"] for line in told if line.get("message") == "turn"] == [id_hash("t0")]
    assert not imported


def test_outside_lambda_no_header_starts_the_x_ray_sdk(daemon):
    _, imported = run(daemon, f"{TRACE};Sampled=1")
    assert not imported
    assert received(daemon) == []


def test_tracing_can_be_switched_off_as_powertools_does_it(daemon, tmp_path):
    run(daemon, f"{TRACE};Sampled=1", LAMBDA_TASK_ROOT=str(tmp_path), POWERTOOLS_TRACE_DISABLED="true")
    assert received(daemon) == []
