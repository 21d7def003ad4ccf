"""A client of the stream, over HTTP: the chat on this machine, or a deployed Function URL with or without IAM."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
from httpx_sse import EventSource

TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # a comment line comes every ten seconds

Event = tuple[str, dict[str, Any]]


class RequestFailed(Exception):
    """The server refused; the message is the problem's own detail."""


class SigV4(httpx.Auth):
    """Signs for a Function URL with `AuthType: AWS_IAM`; credentials come from where boto3 finds them."""

    requires_request_body = True

    def __init__(self) -> None:
        import botocore.session  # noqa: PLC0415 # only signed requests need AWS

        session = botocore.session.get_session()
        self._credentials = session.get_credentials()
        if self._credentials is None:
            raise ValueError("no AWS credentials were found to sign with")
        self._region = session.get_config_variable("region")

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override] # a generator is one
        """Add the signature."""
        from botocore.auth import SigV4Auth  # noqa: PLC0415 # as above
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 # as above

        region = _region_of(str(request.url)) or self._region
        signed = AWSRequest(
            request.method, str(request.url), {"content-type": request.headers["content-type"]}, request.content
        )
        SigV4Auth(self._credentials.get_frozen_credentials(), "lambda", region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request


def _region_of(url: str) -> str | None:
    """Function URLs carry their region: ID.lambda-url.REGION.on.aws."""
    parts = (urlsplit(url).hostname or "").split(".")
    return parts[2] if parts[1:2] == ["lambda-url"] else None


def connect(url: str, *, aws_iam: bool = False) -> httpx.Client:
    """A client for one chat; proxies in the environment are not asked for this machine."""
    local = urlsplit(url).hostname in ("127.0.0.1", "localhost")
    return httpx.Client(base_url=url, timeout=TIMEOUT, auth=SigV4() if aws_iam else None, trust_env=not local)


def ask(client: httpx.Client, message: str, session_id: str | None, followup_id: str | None = None) -> Iterator[Event]:
    """The events of one turn, as they come. Raises `RequestFailed`."""
    body = {"message": message, "session_id": session_id, "followup_id": followup_id}
    with client.stream("POST", "v1/chat/stream", json=body) as response:
        if response.is_error:
            response.read()
            raise RequestFailed(_detail(response))
        for event in EventSource(response).iter_sse():
            yield event.event, json.loads(event.data)


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"
