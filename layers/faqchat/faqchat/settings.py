"""Every setting, read from the environment once, in `bootstrap`. `.env.example` documents them for people.

AWS endpoints, regions and credentials are not settings: boto3 reads `AWS_ENDPOINT_URL` and its kin by itself.
"""

from collections.abc import Mapping
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from faqchat.pricing import Price

SECRETS = ("openai_api_key", "chat_fallback_api_key", "embedding_api_key", "milvus_token")
_OPENAI_KEY = AliasChoices("FAQCHAT_OPENAI_API_KEY", "OPENAI_API_KEY")


class Settings(BaseSettings):
    """Defaults are those of the laptop stack; a deployment sets its own."""

    model_config = SettingsConfigDict(env_prefix="FAQCHAT_", frozen=True, extra="ignore", populate_by_name=True)

    openai_api_key: SecretStr = Field(SecretStr(""), validation_alias=_OPENAI_KEY)
    secret_name: str = ""  # a secret in Secrets Manager that holds the keys the environment leaves empty

    # embeddings: OpenAI, or anything that speaks its API
    embedding_base_url: str = "http://127.0.0.1:8011/v1"
    embedding_query_model: str = "e5-query"  # E5 models want different prefixes for query and passage
    embedding_passage_model: str = "e5-passage"
    embedding_api_key: SecretStr = SecretStr("")
    embedding_timeout_s: float = Field(5.0, gt=0)
    embedding_batch: int = Field(16, ge=1, le=2048)  # a query may wait behind one batch

    # chat model: none configured means answers composed from the FAQ itself
    chat_model: str = ""
    chat_base_url: str = "https://api.openai.com/v1"
    chat_reasoning_effort: Literal["", "none", "minimal", "low", "medium", "high"] = ""
    chat_timeout_s: float = Field(20.0, gt=0)  # for the first token, and between tokens
    chat_max_tokens: int = Field(700, ge=16)
    chat_fallback_model: str = ""  # asked when the first one fails
    chat_fallback_base_url: str = ""
    chat_fallback_api_key: SecretStr = SecretStr("")
    rewrite: bool = False  # it also puts a later message that leans on the past into one question, for search
    chat_price_in: float = Field(0.0, ge=0)  # USD per million tokens
    chat_price_cached: float = Field(0.0, ge=0)
    chat_price_out: float = Field(0.0, ge=0)

    # vectors
    milvus_uri: str = "http://127.0.0.1:8012"
    milvus_token: SecretStr = SecretStr("")
    milvus_alias: str = Field("faq", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}$")
    milvus_timeout_s: float = Field(5.0, gt=0)

    # tables and buckets
    conversations_table: str = "faqchat-conversations"
    bucket: str = "faqchat"
    session_ttl_days: int = Field(30, ge=1)
    ingest_table: str = "faqchat-ingest"
    turns_table: str = "faqchat-turns"
    idempotency_table: str = "faqchat-idempotency"
    batch_queue_url: str = ""  # these two are the ingest functions' only: a laptop's ingest is one process
    publish_queue_url: str = ""

    # a turn
    history_turns: int = Field(6, ge=0)
    history_tokens: int = Field(1_500, ge=0)  # what a prompt may spend on the past
    scope_threshold: float = Field(0.45, gt=0, lt=1)  # docs/quality.md shows what it trades
    index_refresh_s: float = Field(5.0, ge=0)  # how old the snapshot may be before its version is checked
    resume_grace_s: float = Field(15.0, ge=0)  # how long a turn goes on when its reader is cut off
    heartbeat_s: float = Field(10.0, gt=0)

    preload: bool = False  # at the start, before anything is served, what otherwise the first question waits for

    @model_validator(mode="after")
    def _fallback_is_whole(self) -> Self:
        if self.chat_fallback_model and not self.chat_model:
            raise ValueError("FAQCHAT_CHAT_FALLBACK_MODEL is set but FAQCHAT_CHAT_MODEL is not")
        return self

    @model_validator(mode="after")
    def _rewrite_has_a_model(self) -> Self:
        if self.rewrite and not self.chat_model:
            raise ValueError("FAQCHAT_REWRITE is on but FAQCHAT_CHAT_MODEL is not set")
        return self

    def filled(self, secret: Mapping[str, str]) -> Self:
        """The same, with those of `SECRETS` that are empty taken from a secret."""
        empty = [name for name in SECRETS if not getattr(self, name).get_secret_value()]
        return self.model_copy(update={name: SecretStr(secret[name]) for name in empty if name in secret})

    @property
    def chat_price(self) -> Price:
        """What the chat model's tokens cost."""
        return Price(self.chat_price_in, self.chat_price_cached, self.chat_price_out)

    def key_for(self, base_url: str, own: SecretStr) -> str:
        """The key that a server may see: its own, or the general one where it is OpenAI or the chat model's server."""
        host = urlsplit(base_url).hostname
        shared = host in ("api.openai.com", urlsplit(self.chat_base_url).hostname)
        return own.get_secret_value() or (self.openai_api_key.get_secret_value() if shared else "")
