"""What the laptop's servers are started with, and what product processes are told about them."""

import os
from pathlib import Path

import boto3
import pytest

from local.children import stop
from local.layout import Layout
from local.record import Recorded, StackRecord
from local.servers import chat_server, services

HOSTILE = {
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_REGION": "us-east-1",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ACCESS_KEY_ID": "real",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_ENDPOINT_URL": "https://aws.example",
    "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.example",
    "AWS_ENDPOINT_URL_S3": "https://s3.example",
    "AWS_ENDPOINT_URL_SQS": "https://sqs.example",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
}


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path, 8000)


def test_ports_follow_from_the_chats(layout):
    ports = {server.name: server.port for server in services(layout)}
    assert ports == {"embeddings": 8011, "vectors": 8012, "aws": 8013, "ingest-embeddings": 8014}


@pytest.mark.parametrize("port", [0, -1, 65_535])
def test_a_port_that_leaves_no_room_for_the_others_is_refused(tmp_path, port):
    with pytest.raises(ValueError, match=f"port {port}"):
        Layout(tmp_path, port)


def test_services_see_neither_keys_nor_stray_settings_of_the_caller(layout, monkeypatch):
    strays = {"OPENAI_API_KEY": "sk-secret", "BIND_HOST": "0.0.0.0", "GATEWAY_PORT": "1", "USE_SSL": "1"}
    for name, value in (strays | HOSTILE).items():
        monkeypatch.setenv(name, value)
    for server in services(layout):
        assert not {"OPENAI_API_KEY", "USE_SSL", *HOSTILE} & set(server.env), server.name
        assert server.env.get("BIND_HOST", "127.0.0.1") == "127.0.0.1"


def test_the_chat_process_gets_the_callers_keys_and_the_stacks_addresses(layout, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    env = chat_server(layout, ["chat"], {"FAQCHAT_CHAT_MODEL": "m"}).env
    assert env["OPENAI_API_KEY"] == "sk-secret"
    assert env["FAQCHAT_CHAT_MODEL"] == "m"
    assert env["FAQCHAT_MILVUS_URI"] == "http://127.0.0.1:8012"


@pytest.mark.parametrize("service", ["dynamodb", "s3", "sqs"])
def test_no_setting_of_the_caller_leads_boto3_to_a_real_account(layout, monkeypatch, service):
    layout.aws_config.parent.mkdir()
    layout.aws_config.write_text("[profile faqchat-local]\n")
    for name, value in (HOSTILE | layout.environment()).items():
        monkeypatch.setenv(name, value)
    session = boto3.Session()
    client = session.client(service)
    assert client.meta.endpoint_url == "http://127.0.0.1:8013"
    assert client.meta.region_name == "ap-northeast-2"
    assert session.get_credentials().access_key == "local"


def test_an_ingest_embeds_on_a_server_of_its_own(layout):
    assert layout.environment()["FAQCHAT_EMBEDDING_BASE_URL"] == "http://127.0.0.1:8011/v1"
    assert layout.ingest_environment()["FAQCHAT_EMBEDDING_BASE_URL"] == "http://127.0.0.1:8014/v1"


def test_a_proxy_is_not_asked_for_loopback(layout, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    assert layout.environment()["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"


def test_a_pid_that_somebody_else_has_by_now_is_neither_found_nor_stopped():
    us = Recorded.of_this_process("us")
    assert us.process() is not None
    stranger = Recorded("stranger", us.pid, us.created - 60)
    assert stranger.process() is None
    assert stop([stranger]) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": 1}', '{"supervisor": 1, "children": []}'])
def test_what_is_no_record_reads_as_none(tmp_path: Path, text):
    path = tmp_path / "stack.json"
    path.write_text(text)
    assert StackRecord.read(path) is None


def test_a_record_reads_back_as_written(tmp_path):
    child = Recorded("vectors", os.getpid(), 1.5, 8012, 2, 10.0)
    record = StackRecord(8000, "http://127.0.0.1:8000", ready=True, supervisor=child, children=(child,))
    record.write(tmp_path / "stack.json")
    assert StackRecord.read(tmp_path / "stack.json") == record
