"""The real servers: started, used, killed in several ways, and found again with their data."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import psutil
import pytest

from local.layout import ROOT, Layout
from local.ports import port_holder
from local.record import StackRecord
from local.resources import create_resources
from local.running import stop_running
from local.servers import Server, chat_server, services
from local.stack import Stack, StackError

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
TABLE = "faqchat-conversations"

# stands for `python -m local up`: a chat server that answers /readyz, supervised until a signal comes
SUPERVISOR = """
import sys
from pathlib import Path
from local.layout import Layout
from local.servers import chat_server
from local.stack import Stack
layout = Layout(Path(sys.argv[1]), int(sys.argv[2]))
(layout.state / "readyz").touch()
serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(layout.state), str(layout.port)]
try:
    with Stack(layout, say=lambda text: print(text, flush=True), chat=True) as stack:
        stack.add(chat_server(layout, serve))
        print("up", flush=True)
        stack.wait()
except KeyboardInterrupt:
    pass
"""


@pytest.fixture
def layout(tmp_path):
    """Ports that are free, below those that outgoing connections take."""
    while True:
        layout = Layout(tmp_path, random.randrange(20_000, 30_000))
        if not any(map(port_holder, [layout.port, *(server.port for server in services(layout))])):
            return layout


@pytest.fixture
def supervise(layout):
    """Start a supervisor as a process of its own, wait until it is up, and leave nothing of it behind."""
    started = []

    def start():
        supervisor = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, str(layout.state), str(layout.port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(supervisor)
        said = []
        for line in supervisor.stdout:
            said.append(line)
            if line == "up\n":
                return supervisor, said
        pytest.fail("the supervisor did not come up: " + "".join(said))

    yield start
    stop_running(layout)
    for supervisor in started:
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    return condition()


def child(layout, name):
    return next((one for one in StackRecord.read(layout.record).children if one.name == name), None)


def free(layout):
    return not any(map(port_holder, [layout.port, *(server.port for server in services(layout))]))


def use(layout, monkeypatch):
    for name, value in layout.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # another test's has read another configuration
    create_resources("faqchat-conversations", "faqchat-turns", "faqchat-ingest", "faqchat")
    return boto3.client("dynamodb")


def put(dynamodb, turn):
    dynamodb.put_item(TableName=TABLE, Item={"session_id": {"S": "세션"}, "turn_id": {"S": turn}})


def turns(dynamodb):
    return [item["turn_id"]["S"] for item in dynamodb.scan(TableName=TABLE, ConsistentRead=True)["Items"]]


def embed(port, model):
    body = json.dumps({"model": model, "input": "미성년자도 가입할 수 있나요?"}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/embeddings", body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["data"][0]["embedding"]


def test_the_services_answer_on_loopback_only_and_keep_their_data_over_a_restart(layout, monkeypatch):
    from pymilvus import MilvusClient

    with Stack(layout) as stack:
        record = StackRecord.read(layout.record)
        processes = [recorded.process() for recorded in record.children]
        listening = {
            (connection.laddr.ip, connection.laddr.port)
            for process in processes
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert {port for _, port in listening} == {server.port for server in services(layout)}
        assert {ip for ip, _ in listening} <= LOOPBACK

        running = Stack.running(layout)
        assert running.environment() == stack.environment()
        assert running.chat_url is None
        assert Stack.running(Layout(layout.state, layout.port + 1)) == running, "found whatever the port"

        with pytest.raises(StackError, match=f"already runs.*pid {os.getpid()}"), Stack(layout):
            pass
        assert Stack.running(layout) == running, "a refused start takes nothing away"

        assert len(embed(layout.embedding_port, "e5-query")) == len(embed(layout.ingest_embedding_port, "e5-passage"))

        dynamodb = use(layout, monkeypatch)
        put(dynamodb, "어제")
        boto3.client("s3").put_object(Bucket="faqchat", Key="faq.jsonl", Body=b"{}")
        milvus = MilvusClient(stack.environment()["FAQCHAT_MILVUS_URI"])
        milvus.create_collection("faq", dimension=4)
        milvus.insert("faq", [{"id": 1, "vector": [1.0, 0.0, 0.0, 0.0]}])
        milvus.close()

    assert not any(recorded.process() for recorded in record.children)
    assert free(layout)
    assert Stack.running(layout) is None
    assert not stop_running(layout), "nothing is left to stop"

    with Stack(layout) as stack:
        dynamodb = use(layout, monkeypatch)
        assert turns(dynamodb) == ["어제"]
        ttl = dynamodb.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
        assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
        listed = boto3.client("s3").list_objects_v2(Bucket="faqchat")
        assert [item["Key"] for item in listed["Contents"]] == ["faq.jsonl"]
        milvus = MilvusClient(stack.environment()["FAQCHAT_MILVUS_URI"])
        milvus.load_collection("faq")
        assert milvus.query("faq", ids=[1], output_fields=["id"])[0]["id"] == 1
        milvus.close()

        failing = Server("failing", 0, (sys.executable, "-c", "exit('no luck')"), {}, ready=lambda: False)
        with pytest.raises(StackError, match=r"failing ended before it was ready \(exit status 1\)(.|\n)*no luck"):
            stack.add(failing)


def test_a_killed_server_comes_back_and_a_killed_supervisor_leaves_nothing(layout, supervise, monkeypatch):
    supervisor, _ = supervise()
    assert Stack.running(layout).chat_url == layout.chat_url
    chat, aws = child(layout, "chat"), child(layout, "aws")
    dynamodb = use(layout, monkeypatch)
    put(dynamodb, "1")

    os.kill(chat.pid, signal.SIGKILL)
    assert until(lambda: Stack.running(layout).chat_url is None)
    assert until(lambda: Stack.running(layout).chat_url == layout.chat_url)
    assert child(layout, "chat").pid != chat.pid

    put(dynamodb, "2")
    time.sleep(1.5)  # the emulator writes within about a second
    os.kill(aws.pid, signal.SIGKILL)
    assert until(lambda: (again := child(layout, "aws")) and again.pid != aws.pid)
    assert until(lambda: port_holder(layout.aws_port))
    assert until(lambda: turns(dynamodb)) == ["1", "2"]

    put(dynamodb, "3")
    orphans = StackRecord.read(layout.record).children
    supervisor.kill()
    supervisor.wait()
    if sys.platform == "linux":
        assert until(lambda: not any(orphan.process() for orphan in orphans)), "the kernel stops them"
    assert Stack.running(layout) is None

    supervisor, _ = supervise()
    assert turns(dynamodb) == ["1", "2", "3"]
    assert stop_running(layout)
    assert supervisor.wait(timeout=20) == 0
    assert "stopped in" in supervisor.stdout.read()
    assert free(layout)


def test_the_next_start_stops_what_a_killed_supervisor_left_and_ctrl_c_stops_all_in_order(layout, supervise):
    orphan = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(layout.vector_port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert until(lambda: port_holder(layout.vector_port))
        started = psutil.Process(orphan.pid).create_time()
        dead = {"name": "supervisor", "pid": orphan.pid, "created": started - 60}
        left = {"name": "vectors", "pid": orphan.pid, "created": started, "port": layout.vector_port}
        record = {"port": layout.port, "chat_url": None, "ready": True, "supervisor": dead, "children": [left]}
        layout.record.write_text(json.dumps(record))

        supervisor, said = supervise()
        assert "stopping what a killed stack left behind: vectors\n" in said
        assert orphan.wait(timeout=5) == -signal.SIGTERM
    finally:
        orphan.kill()
        orphan.wait()

    children = StackRecord.read(layout.record).children
    os.killpg(supervisor.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    assert supervisor.wait(timeout=20) == 0
    assert "stopping chat, vectors, aws, embeddings, ingest-embeddings" in supervisor.stdout.read()
    assert not any(recorded.process() for recorded in children)
    assert (layout.logs / "aws.log").read_text() == "", "not one error on the way down"


@pytest.mark.parametrize("name", ["chat", "embeddings", "vectors", "aws", "ingest-embeddings"])
def test_a_busy_port_is_refused_by_its_number_and_its_holder(layout, name):
    ports = {server.name: server.port for server in (*services(layout), chat_server(layout, [sys.executable]))}
    with socket.create_server(("127.0.0.1", ports[name])):
        holder = rf"port {ports[name]} \({name}\) is in use by pid {os.getpid()} \("
        with pytest.raises(StackError, match=holder), Stack(layout, chat=True):
            pass
    assert not list(layout.logs.iterdir()), "nothing was started"
