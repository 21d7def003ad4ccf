"""A deployed stack as its users and its operators meet it: by its outputs, and by AWS's APIs at AWS_ENDPOINT_URL."""

import json
import os
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from localstack_client.session import Session
from pymilvus import MilvusClient

from local.layout import REGION, ROOT

BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
SAM = ROOT / ".local" / "tools" / "sam" / "bin" / "python"
PATIENCE_S = 60.0


def build() -> None:
    """`make build`, as a person does it."""
    done = subprocess.run(["make", "build"], cwd=ROOT, capture_output=True, text=True, timeout=1_200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Cloud:
    """One stack at one endpoint, with the credentials that its environment has."""

    def __init__(self, endpoint: str, stack: str, environment: dict[str, str], milvus_uri: str) -> None:
        self.stack = stack
        self._endpoint = endpoint
        self._environment = environment
        self._milvus_uri = milvus_uri
        self._session = Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
            localstack_host=urlsplit(endpoint).netloc,
        )
        self._clients: dict[str, Any] = {}
        self.outputs: dict[str, str] = {}

    def deploy(self, parameters: dict[str, str]) -> float:
        """`sam deploy` of what was built; gives the seconds that it took."""
        began = time.monotonic()
        command = [SAM, "-m", "samcli", "deploy", "--template-file", BUILT, "--stack-name", self.stack]
        command += ["--region", REGION, "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
        command += ["--no-fail-on-empty-changeset", "--config-env", "none"]
        command += ["--parameter-overrides", *(f'{name}="{value}"' for name, value in parameters.items())]
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env=os.environ | self._environment | {"SAM_CLI_TELEMETRY": "0"},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
        (found,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
        return time.monotonic() - began

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def door(self, output: str) -> httpx.Client:
        """A client of a URL among the outputs; an emulator serves all at its endpoint, and tells them by the host."""
        host = urlsplit(self.outputs[output]).netloc
        return httpx.Client(base_url=self._endpoint, headers={"host": host}, timeout=PATIENCE_S, trust_env=False)

    @cached_property
    def doors(self) -> list[str]:
        """The outputs behind which the chat answers here: LocalStack's free edition has no HTTP APIs."""
        return [output for output in ("ApiUrl", "StreamUrl") if self._answers(output)]

    def _answers(self, output: str) -> bool:
        if not self.outputs.get(output, "").startswith("http"):
            return False
        with self.door(output) as door:
            return door.get("/healthz").is_success

    def upload(self, entries: Iterable[dict[str, Any]], key: str = "faq/faq.jsonl") -> None:
        lines = "\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
        self.client("s3").put_object(Bucket=self.outputs["BucketName"], Key=key, Body=lines.encode())

    def uploaded(self, key: str) -> bytes:
        """The event by which S3 tells of an upload."""
        event = json.loads((ROOT / "tests" / "events" / "s3_upload.json").read_text("utf-8"))
        (record,) = event["Records"]
        record["eventTime"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        record["s3"]["bucket"]["name"] = self.outputs["BucketName"]
        record["s3"]["object"]["key"] = key
        return json.dumps(event).encode()

    def stored(self, alias: str, kind: str) -> set[str]:
        """The ids of the entries that the live collection has rows of this kind for."""
        milvus = MilvusClient(self._milvus_uri)
        try:
            found = milvus.query(
                alias, filter=f'kind == "{kind}"', output_fields=["faq_id"], consistency_level="Strong"
            )
            return {row["faq_id"] for row in found}
        finally:
            milvus.close()

    def runs(self) -> list[dict[str, Any]]:
        """What the ingest function says of its last runs."""
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs["IngestFunctionName"], Payload=json.dumps({"action": "status"}).encode()
        )
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said["runs"]

    def items(self, output: str) -> list[dict[str, Any]]:
        return self.client("dynamodb").scan(TableName=self.outputs[output], ConsistentRead=True)["Items"]

    def waiting(self, output: str) -> list[str]:
        """The bodies of the messages in a queue; they stay there."""
        found = self.client("sqs").receive_message(
            QueueUrl=self.outputs[output], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [message["Body"] for message in found.get("Messages", [])]

    def send(self, output: str, body: str) -> None:
        self.client("sqs").send_message(QueueUrl=self.outputs[output], MessageBody=body)

    def delete(self) -> None:
        """Take the stack down, as far as the emulator can."""
        self.client("cloudformation").delete_stack(StackName=self.stack)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
