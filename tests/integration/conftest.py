"""Real parts nearby: a Milvus Lite server as a process, DynamoDB and S3 by moto or by what AWS_ENDPOINT_URL names."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from tests.integration.tables import create_table


class MilvusServer:
    """A `milvus-lite server` on a free loopback port, which a test may stop, kill, freeze and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [Path(sys.executable).with_name("milvus-lite"), "server", "--data-dir", self._folder / "data"]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.05)
        pytest.fail("milvus-lite did not start within a minute")

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory):
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def aws(monkeypatch):
    """AWS in process, or the emulator that AWS_ENDPOINT_URL names."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    if os.environ.get("AWS_ENDPOINT_URL"):
        yield
    else:
        one_at_a_time = threading.Lock()  # moto's tables are not thread-safe; calls still interleave
        call = BaseClient._make_api_call

        def make_api_call(*arguments):
            with one_at_a_time:
                return call(*arguments)

        with mock_aws():
            monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call)
            yield


def table(purpose, partition_key, sort_key):
    """A fixture: the name of an empty table, shaped as template.yaml makes it."""

    @pytest.fixture
    def made(aws):
        dynamodb = boto3.client("dynamodb")
        name = create_table(dynamodb, f"{purpose}-{secrets.token_hex(4)}", partition_key, sort_key)
        yield name
        dynamodb.delete_table(TableName=name)
        dynamodb.close()

    return made


conversations_table = table("conversations", "session_id", "turn_id")
turns_table = table("turns", "turn_id", "part")


@pytest.fixture
def bucket(aws):
    """The name of an empty bucket."""
    s3 = boto3.client("s3")
    name = f"faqchat-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    yield name
    for found in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)
    s3.close()
