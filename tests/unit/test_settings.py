"""Settings are read once, refuse what cannot work, and never show a secret."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from faqchat.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_everything_has_a_default_that_works_on_a_laptop():
    chosen = Settings()
    assert chosen.chat_model == ""
    assert {chosen.embedding_base_url[:17], chosen.milvus_uri[:17]} == {"http://127.0.0.1:"}


def test_the_environment_wins_over_defaults(monkeypatch):
    monkeypatch.setenv("FAQCHAT_CHAT_MODEL", "qwen3-32b")
    monkeypatch.setenv("FAQCHAT_CHAT_TIMEOUT_S", "2.5")
    monkeypatch.setenv("FAQCHAT_MILVUS_URI", "https://milvus.example:19530")
    chosen = Settings()
    assert (chosen.chat_model, chosen.chat_timeout_s) == ("qwen3-32b", 2.5)
    assert chosen.milvus_uri == "https://milvus.example:19530"


def test_the_key_is_the_one_that_openai_clients_read_unless_there_is_one_of_our_own(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-shared")
    assert Settings().openai_api_key.get_secret_value() == "sk-shared"
    monkeypatch.setenv("FAQCHAT_OPENAI_API_KEY", "sk-own")
    assert Settings().openai_api_key.get_secret_value() == "sk-own"


def test_secrets_are_not_shown():
    chosen = Settings(openai_api_key=SecretStr("sk-hidden"), milvus_token=SecretStr("root:hidden"))
    assert "hidden" not in f"{chosen} {chosen!r} {chosen.model_dump_json()}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMBEDDING_BATCH", "0"),
        ("EMBEDDING_TIMEOUT_S", "0"),
        ("CHAT_TIMEOUT_S", "-1"),
        ("CHAT_TIMEOUT_S", "soon"),
        ("CHAT_REASONING_EFFORT", "much"),
        ("CHAT_PRICE_IN", "-0.1"),
        ("MILVUS_ALIAS", "faq; drop"),
        ("SESSION_TTL_DAYS", "0"),
        ("HISTORY_TURNS", "-1"),
        ("SCOPE_THRESHOLD", "1"),
        ("HEARTBEAT_S", "0"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start_by_its_name(monkeypatch, name, value):
    monkeypatch.setenv(f"FAQCHAT_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_a_fallback_needs_a_model_to_fall_back_from(monkeypatch):
    monkeypatch.setenv("FAQCHAT_CHAT_FALLBACK_MODEL", "small")
    with pytest.raises(ValidationError, match="FAQCHAT_CHAT_MODEL is not"):
        Settings()
    monkeypatch.setenv("FAQCHAT_CHAT_MODEL", "large")
    assert Settings().chat_fallback_model == "small"


def test_a_rewrite_needs_a_model_to_write_it(monkeypatch):
    monkeypatch.setenv("FAQCHAT_REWRITE", "true")
    with pytest.raises(ValidationError, match="FAQCHAT_CHAT_MODEL is not"):
        Settings()
    monkeypatch.setenv("FAQCHAT_CHAT_MODEL", "large")
    assert Settings().rewrite


def test_settings_do_not_change_while_the_process_runs():
    with pytest.raises(ValidationError):
        Settings().chat_model = "other"


def test_other_variables_of_the_prefix_are_no_error(monkeypatch):
    monkeypatch.setenv("FAQCHAT_FROM_ANOTHER_VERSION", "1")
    Settings()


def test_the_example_names_every_setting_with_its_default(monkeypatch):
    written = dict(re.findall(r"^# (FAQCHAT_[A-Z_]+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE))
    assert set(written) == {f"FAQCHAT_{name.upper()}" for name in Settings.model_fields}
    for name, value in written.items():
        monkeypatch.setenv(name, value)
    assert Settings().model_dump() == Settings.model_construct().model_dump()


def test_a_key_goes_to_openai_and_to_the_chat_models_server_and_nowhere_else():
    chosen = Settings(openai_api_key="sk-secret", chat_base_url="https://models.example/v1")
    nothing = SecretStr("")
    assert chosen.key_for("https://api.openai.com/v1", nothing) == "sk-secret"
    assert chosen.key_for("https://models.example/other", nothing) == "sk-secret"
    assert chosen.key_for("http://127.0.0.1:8011/v1", nothing) == ""
    assert chosen.key_for("https://elsewhere.example/v1", SecretStr("own")) == "own"
