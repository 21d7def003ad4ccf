"""Keys from Secrets Manager: they fill what the environment leaves empty, and never appear in what goes wrong."""

import json
import secrets
import subprocess
import sys

import boto3
import pytest

from faqchat import bootstrap
from faqchat.adapters.secrets import read_secret
from faqchat.errors import Unavailable
from local.layout import ROOT

KEY = "sk-very-secret"


@pytest.fixture
def keep(aws):
    """Put something into a secret of its own; gives the secret's name."""
    client = boto3.client("secretsmanager")
    names = []

    def keep(**content):
        names.append(f"faqchat-{secrets.token_hex(4)}")
        client.create_secret(Name=names[-1], **content)
        return names[-1]

    yield keep
    for name in names:
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    client.close()


@pytest.fixture
def settings(monkeypatch):
    """The settings of a process with this environment."""

    def settings(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        bootstrap.settings.cache_clear()
        return bootstrap.settings()

    yield settings
    bootstrap.settings.cache_clear()


def test_a_secret_fills_what_the_environment_leaves_empty(keep, settings):
    entries = {"openai_api_key": KEY, "embedding_api_key": "sk-embed", "milvus_token": "root:secret", "other": "x"}
    name = keep(SecretString=json.dumps(entries))
    chosen = settings(FAQCHAT_SECRET_NAME=name, FAQCHAT_EMBEDDING_API_KEY="sk-own")
    keys = (chosen.openai_api_key, chosen.embedding_api_key, chosen.milvus_token, chosen.chat_fallback_api_key)
    assert [key.get_secret_value() for key in keys] == [KEY, "sk-own", "root:secret", ""]
    assert KEY not in f"{chosen!r}"


def test_the_environment_s_own_openai_key_wins(keep, settings):
    name = keep(SecretString=json.dumps({"openai_api_key": KEY}))
    chosen = settings(FAQCHAT_SECRET_NAME=name, OPENAI_API_KEY="sk-environment")
    assert chosen.openai_api_key.get_secret_value() == "sk-environment"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"SecretString": f"{KEY}"}, "not JSON"),
        ({"SecretString": f'{{"openai_api_key": "{KEY}"'}, "not JSON"),
        ({"SecretBinary": b"\xff" + KEY.encode()}, "not JSON"),
        ({"SecretString": f'["{KEY}"]'}, "not a JSON object of strings"),
        ({"SecretString": f'{{"openai_api_key": {{"value": "{KEY}"}}}}'}, "not a JSON object of strings"),
    ],
)
def test_one_that_cannot_be_used_is_unavailable_and_keeps_its_content(keep, content, told):
    name = keep(**content)
    with pytest.raises(Unavailable, match=told) as raised:
        read_secret(name)
    assert name in str(raised.value)
    assert KEY not in str(raised.value)


def test_one_that_is_not_there_is_told_by_its_name_and_asked_for_again(aws, settings):
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"faqchat-none.*FAQCHAT_SECRET_NAME.*ResourceNotFoundException"):
            settings(FAQCHAT_SECRET_NAME="faqchat-none")


def test_a_service_that_cannot_be_reached_is_unavailable_within_the_usual_patience(settings, monkeypatch):
    with pytest.raises(Unavailable, match="cannot be read"):
        settings(
            FAQCHAT_SECRET_NAME="faqchat",
            AWS_ENDPOINT_URL="http://127.0.0.1:9",
            AWS_DEFAULT_REGION="ap-northeast-2",
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
        )
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(Unavailable, match=r"cannot be read.*region"):
        settings(AWS_CONFIG_FILE="/nowhere")


def test_without_a_name_nothing_is_imported():
    code = "import sys; from faqchat import bootstrap; bootstrap.settings(); print('boto3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
