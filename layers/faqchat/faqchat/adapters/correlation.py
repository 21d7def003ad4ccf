"""Which request this is: the id that its log lines and its answer share, whichever of the doors it came through.

Behind API Gateway Mangum hands over the event and the Lambda context; the Lambda Web Adapter sends both as headers;
without either the caller's own `x-request-id` counts, where it is harmless. Nothing malformed breaks a request.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

REQUEST_CONTEXT = b"x-amzn-request-context"
LAMBDA_CONTEXT = b"x-amzn-lambda-context"
REQUEST_ID = b"x-request-id"
TRACE_ID = b"x-amzn-trace-id"
SAFE_ID = re.compile(r"[A-Za-z0-9._=+/:-]{1,128}")  # API Gateway's own end in `=`
TRACE_HEADER = re.compile(r"Root=[0-9a-f-]{1,64}(;[A-Za-z]+=[A-Za-z0-9:._-]{1,128}){0,8}")


@dataclass(frozen=True)
class Correlation:
    """A request's own id, the id of the Lambda invocation that carries it, and its X-Ray header, if there are such."""

    request_id: str
    invocation_id: str = ""
    trace_header: str | None = None  # none where Lambda's runtime puts it into the environment itself


def correlate(scope: Mapping[str, Any]) -> Correlation:
    """The correlation of an ASGI request."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    trace_header: str | None
    if event := scope.get("aws.event"):
        request_context = event.get("requestContext")
        invocation_id: Any = getattr(scope.get("aws.context"), "aws_request_id", "")
        trace_header = None
    else:
        lambda_context = _json(headers.get(LAMBDA_CONTEXT))
        request_context = _json(headers.get(REQUEST_CONTEXT))
        invocation_id = lambda_context.get("request_id")
        told = (lambda_context.get("xray_trace_id"), headers.get(TRACE_ID, b"").decode("latin-1"))
        trace_header = next(_safe(TRACE_HEADER, *told), "")
    gateway_id = request_context.get("requestId") if isinstance(request_context, Mapping) else None
    candidates = (gateway_id, invocation_id, headers.get(REQUEST_ID, b"").decode("latin-1"))
    return Correlation(
        request_id=next(_safe(SAFE_ID, *candidates), None) or uuid4().hex,
        invocation_id=next(_safe(SAFE_ID, invocation_id), ""),
        trace_header=trace_header,
    )


def _safe(pattern: re.Pattern[str], *candidates: object) -> Iterator[str]:
    return (text for text in candidates if isinstance(text, str) and pattern.fullmatch(text))


def _json(header: bytes | None) -> Mapping[str, Any]:
    try:
        found = json.loads(header or b"null")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
