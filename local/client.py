"""A client of the stream, over HTTP: the chat on this machine, or a deployed Function URL with or without IAM."""

import hashlib
import json
from collections.abc import Generator, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
from httpx_sse import EventSource

READ_TIMEOUT_S = 30.0  # a comment line comes every ten seconds
TIMEOUT = httpx.Timeout(READ_TIMEOUT_S, connect=10.0)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_DETAIL = 300  # of what a gateway says: after its first line AWS goes on with the request it saw, token included

Event = tuple[str, dict[str, Any]]


class RequestFailed(Exception):
    """No whole answer came; the message says why, in the server's own words where it had some."""


class CannotSign(ValueError):
    """There is nothing to sign with; the message says what to do."""


class SigV4(httpx.Auth):
    """Signs for a Function URL with `AuthType: AWS_IAM`; credentials come from where boto3 finds them.

    Raises `CannotSign`, here where there are none, and at a request where they can no longer be renewed.
    """

    requires_request_body = True

    def __init__(self) -> None:
        import botocore.session  # noqa: PLC0415 # only signed requests need AWS
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 # as above

        session = botocore.session.get_session()
        try:
            self._credentials = session.get_credentials()
            self._region = session.get_config_variable("region")
        except BotoCoreError as error:
            raise CannotSign(f"the AWS configuration cannot be used: {error}") from error
        if self._credentials is None:
            raise CannotSign(
                "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature, which covers method, path, query, host, body and every header that we set ourselves."""
        from botocore.auth import SigV4Auth  # noqa: PLC0415 # as above
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 # as above

        region = _region_of(request.url.host) or self._region
        if not region:
            raise CannotSign(f"{request.url.host} does not name its region: set AWS_DEFAULT_REGION")
        signed = AWSRequest(
            request.method,
            str(request.url.copy_with(query=None)),
            {name: value for name, value in request.headers.items() if name.startswith(("content-type", "x-amz-"))},
            request.content,
            params=request.url.params.multi_items(),  # decoded: what is signed is encoded as AWS encodes it
        )
        SigV4Auth(self._frozen(), "lambda", region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request

    def _frozen(self) -> Any:
        """Key, secret and token of one moment, renewed where they were about to expire."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 # as above

        try:
            return self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError, RuntimeError) as error:  # botocore's for renewed, but expired already
            raise CannotSign(f"the AWS credentials cannot be renewed: {error}. Sign in again.") from error


def _region_of(host: str) -> str | None:
    """Function URLs carry their region: ID.lambda-url.REGION.on.aws."""
    parts = host.split(".")
    return parts[2] if parts[1:2] == ["lambda-url"] and len(parts) > 3 else None


def connect(url: str, *, aws_iam: bool = False) -> httpx.Client:
    """A client for one chat; proxies in the environment are not asked for this machine. Raises `CannotSign`."""
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError(f"{url!r} is no address of a chat: https://… is")
    local = address.hostname in LOOPBACK
    if aws_iam and address.scheme == "http" and not local:
        raise CannotSign(f"signed requests carry a session token, which {url} would send in the clear: use https://")
    return httpx.Client(base_url=url, timeout=TIMEOUT, auth=SigV4() if aws_iam else None, trust_env=not local)


def ask(client: httpx.Client, message: str, session_id: str | None, followup_id: str | None = None) -> Iterator[Event]:
    """The events of one turn, as they come; `done` or `error` is the last. Raises `RequestFailed`, `CannotSign`."""
    body = json.dumps({"message": message, "session_id": session_id, "followup_id": followup_id}).encode()
    headers = {
        "content-type": "application/json",
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),  # CloudFront in front of a Function URL asks for it
    }
    try:
        with client.stream("POST", "v1/chat/stream", content=body, headers=headers) as response:
            if not response.is_success:
                response.read()
                raise RequestFailed(_refusal(response))
            yield from _events(response)
    except httpx.ConnectTimeout as error:
        raise RequestFailed(f"{client.base_url.host} took no connection within {TIMEOUT.connect:g} s") from error
    except httpx.TimeoutException as error:
        raise RequestFailed(f"{client.base_url.host} said nothing for {client.timeout.read:g} s") from error
    except httpx.HTTPError as error:
        raise RequestFailed(f"the connection to {client.base_url.host} failed: {error}") from error


def _events(response: httpx.Response) -> Iterator[Event]:
    kind = response.headers.get("content-type", "nothing")
    if not kind.startswith("text/event-stream"):
        raise RequestFailed(f"{response.url.host} answers with {kind}, not with a stream: is it the chat's address?")
    last = ""
    for event in EventSource(response).iter_sse():
        last = event.event
        yield event.event, json.loads(event.data)
    if last not in ("done", "error"):
        raise RequestFailed("the answer was cut off: the stream ended before its last event")


def _refusal(response: httpx.Response) -> str:
    """What the chat says (a problem), else what AWS says (a message), else the status; and what can be done."""
    try:
        body = dict(response.json())
    except (ValueError, TypeError):
        body = {}
    said = str(body.get("detail") or body.get("message") or body.get("Message") or response.reason_phrase)
    status = f"HTTP {response.status_code}" + (f", trace {body['trace_id']}" if "trace_id" in body else "")
    refusal = f"{said.strip().partition(chr(10))[0][:MAX_DETAIL]} ({status})"
    if response.has_redirect_location:
        return f"{refusal}: the chat is at {response.headers['location']}"
    if response.status_code != httpx.codes.FORBIDDEN:
        return refusal
    if "authorization" not in response.request.headers:
        return f"{refusal}: a Function URL with AWS_IAM takes signed requests only, see --aws-iam"
    return (
        f"{refusal}: the credentials may have expired, lack lambda:InvokeFunctionUrl or lambda:InvokeFunction, "
        "or this machine's clock may be wrong"
    )
