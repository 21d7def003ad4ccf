"""Where a stack keeps its files, the ports it takes, and what product processes must be told to use it."""

import os
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".local" / "tools"  # `bootstrap.sh` installs here what is no part of the product: uv, the emulator
REGION = "ap-northeast-2"
PROFILE = "faqchat-local"
LAST_OFFSET = 14

# Who starts a command may use another embedding server or Milvus than the stack's own; read before anything is set.
_CHOSEN = {
    name: os.environ[name] for name in ("FAQCHAT_EMBEDDING_BASE_URL", "FAQCHAT_MILVUS_URI") if name in os.environ
}


@dataclass(frozen=True)
class Layout:
    """Where a stack keeps its files, and the ports it takes: the chat's, and four that follow from it."""

    state: Path = ROOT / ".local"
    port: int = 8000

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65_535 - LAST_OFFSET:
            raise ValueError(
                f"port {self.port} is not from 1 to {65_535 - LAST_OFFSET} (the next {LAST_OFFSET} matter too)"
            )
        object.__setattr__(self, "state", self.state.expanduser().absolute())

    @property
    def embedding_port(self) -> int:
        """Embeds questions."""
        return self.port + 11

    @property
    def vector_port(self) -> int:
        """Milvus Lite."""
        return self.port + 12

    @property
    def aws_port(self) -> int:
        """DynamoDB, S3, SQS."""
        return self.port + 13

    @property
    def ingest_embedding_port(self) -> int:
        """Embeds entries: the same model in a second, niced process, for inference is serial under one lock."""
        return self.port + 14

    @property
    def logs(self) -> Path:
        """One file a server, and the previous run's beside it."""
        return self.state / "logs"

    @property
    def record(self) -> Path:
        """What runs now: pids with their start times, ports, the chat's address."""
        return self.state / "stack.json"

    @property
    def aws_config(self) -> Path:
        """An AWS configuration of ours, so that the caller's profiles play no part."""
        return self.state / "aws" / "config"

    @property
    def written(self) -> Path:
        """What models have written for entries without utterances: paid for, so never deleted by us."""
        return self.state / "written.jsonl"

    @property
    def chat_url(self) -> str:
        """Where the chat answers once it is started."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Give what product processes need, to be laid over their environment.

        Every variable that could lead boto3 to a real account is overridden, not only the endpoint: a service's own
        endpoint variable wins over the general one, a profile that the configuration does not have is an error even
        when it is "", and a proxy would be asked for 127.0.0.1 too.
        """
        endpoint = f"http://{HOST}:{self.aws_port}"
        loopback = f"{HOST},localhost"
        others = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
        no_proxy = others if loopback in others else ",".join(filter(None, (others, loopback)))
        return {
            "FAQCHAT_EMBEDDING_BASE_URL": f"http://{HOST}:{self.embedding_port}/v1",
            "FAQCHAT_MILVUS_URI": f"http://{HOST}:{self.vector_port}",
            **_CHOSEN,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ENDPOINT_URL_SQS": endpoint,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "",
            "AWS_PROFILE": PROFILE,
            "AWS_DEFAULT_PROFILE": PROFILE,
            "AWS_CONFIG_FILE": str(self.aws_config),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def ingest_environment(self) -> dict[str, str]:
        """Give the same to an ingest, whose batches go to the embedding server that no question waits behind."""
        own = {"FAQCHAT_EMBEDDING_BASE_URL": f"http://{HOST}:{self.ingest_embedding_port}/v1"}
        return self.environment() | own | _CHOSEN
