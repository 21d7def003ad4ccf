"""What the boto3 adapters share: a client made at first use, calls in a thread, errors in the domain's words."""

import asyncio
import threading
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from faqchat.errors import Busy, Unavailable

CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 3  # a seller is waiting
ATTEMPTS = 2

THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",  # as a cancellation reason of a DynamoDB transaction
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

MISSING = frozenset({"404", "NoSuchBucket", "NoSuchKey"})  # what S3 says of an object that is not there

_Result = TypeVar("_Result")


def patience() -> Any:
    """How long a client waits for AWS, and how often it asks: botocore's `Config`."""
    from botocore.config import Config  # noqa: PLC0415 # as below

    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )


class Refused(Exception):  # the answer that its caller asked to see
    """AWS answered with an error code that the caller expects."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AwsService:
    """One service of AWS, or of whatever `AWS_ENDPOINT_URL` names; boto3 reads its environment by itself."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._client: Any = None
        self._making = threading.Lock()  # sessions are not thread-safe, clients are

    async def run(self, work: Callable[[Any], _Result], expected: Collection[str] = ()) -> _Result:
        """The result of `work(client)`, done in a thread.

        An error code in `expected` means something to the caller and is raised as `Refused`.
        """
        return await asyncio.to_thread(self._run, work, expected)

    def _run(self, work: Callable[[Any], _Result], expected: Collection[str]) -> _Result:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 # boto3 takes 0.6 s to import

        try:
            return work(self._connected())
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in expected:
                raise Refused(code) from error
            if code in THROTTLED:
                raise Busy(f"{self._service} asked us to slow down ({code})") from error
            raise Unavailable(f"{self._service} refused the call ({code})") from error
        except BotoCoreError as error:
            raise Unavailable(f"{self._service} cannot be reached ({type(error).__name__})") from error

    def _connected(self) -> Any:
        with self._making:
            if self._client is None:
                import boto3  # noqa: PLC0415 # as above: whoever builds the app does not pay for it

                self._client = boto3.session.Session().client(self._service, config=patience())
            return self._client
