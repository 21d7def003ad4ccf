"""What goes wrong, as HTTP clients are told it: RFC 9457 problem details, in Korean for end users.

What an error itself says stays with the operators.
"""

from collections.abc import Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import Match

from faqchat.adapters import telemetry
from faqchat.adapters.correlation import Correlation
from faqchat.errors import Busy, Conflict, FaqChatError, InvalidRequest, NotFound, Unavailable
from faqchat.events import Problem
from faqchat.turns import Events

# The most specific class first.
STATUS: Mapping[type[FaqChatError], tuple[int, str]] = {
    InvalidRequest: (422, "요청을 이해하지 못했습니다."),
    NotFound: (404, "대화나 항목을 찾을 수 없습니다. 기간이 지났거나 삭제되었을 수 있습니다."),
    Conflict: (409, "같은 요청이나 대화를 아직 처리하고 있습니다. 잠시 후 다시 시도해 주세요."),
    Busy: (429, "지금 이용자가 많습니다. 잠시 후 다시 시도해 주세요."),
    Unavailable: (503, "지금은 답변을 준비할 수 없습니다. 잠시 후 다시 시도해 주세요."),
    FaqChatError: (500, "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해 주세요."),
}
HTTP_DETAILS = {
    404: "없는 주소입니다.",
    405: "이 주소에서는 지원하지 않는 요청 방식입니다.",
    413: "요청이 너무 큽니다.",
    415: "요청 본문은 application/json 형식이어야 합니다.",
}

# What each status means in the OpenAPI document; `AT_BODY` are those of every request that has one.
AT_BODY = (400, 413, 415)
AT_STORES = (429, 503)
WHEN = {
    400: "The body is no JSON",
    404: "There is none of this id (any more)",
    409: "The same request, or another turn of the conversation, is being worked on",
    413: "The body is over 64 KB",
    415: "The body is not `application/json`",
    422: "A parameter or field is malformed, too long or unknown",
    429: "A provider or store asked to slow down",
    500: "A bug; the log has the `trace_id`",
    503: "A provider or store cannot be reached, and nothing can be said without it",
}
MEDIA_TYPE = "application/problem+json"


class Interrupted(Exception):
    """A turn ended in a problem while its events were being collected."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


def correlation(connection: HTTPConnection) -> Correlation:
    """The ids of a request, as `Edge` found them."""
    found: Correlation = connection.state.correlation
    return found


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its OpenAPI document; a bug may be behind any."""
    return {status: {"model": Problem, "description": WHEN[status]} for status in sorted({*statuses, 500})}


def install(app: FastAPI) -> None:
    """Have the app answer with problems."""
    app.add_exception_handler(FaqChatError, _domain_error)
    app.add_exception_handler(Interrupted, _interrupted)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http_error)


def of_error(error: FaqChatError, request_id: str) -> Problem:
    """What the client is told of a domain error; the operators hear of those that are ours."""
    status, detail = next(known for kind, known in STATUS.items() if isinstance(error, kind))
    if status >= 500:
        telemetry.failed(error, request_id)
    return problem(status, error.detail if isinstance(error, InvalidRequest) else detail, request_id)


def of_unreadable(error: RequestValidationError, request: Request) -> Problem:
    """What the client is told of a request that is not what it should be."""
    kinds = {str(wrong["type"]) for wrong in error.errors()}
    of_body = any(wrong["loc"][0] == "body" for wrong in error.errors())
    names = [".".join(map(str, wrong["loc"][1:])) for wrong in error.errors()]
    sent_as = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    status, detail = 422, f"요청 형식이 올바르지 않습니다: {', '.join(filter(None, names)) or '본문'}"
    if of_body and sent_as != "application/json":
        status, detail = 415, HTTP_DETAILS[415]
    elif "json_invalid" in kinds:
        status, detail = 400, "요청 본문이 올바른 JSON이 아닙니다."
    return problem(status, detail, correlation(request).request_id)


def of_status(error: HTTPException, request_id: str) -> Problem:
    """What the client is told where the framework refuses."""
    detail = HTTP_DETAILS.get(error.status_code, HTTPStatus(error.status_code).phrase)
    return problem(error.status_code, detail, request_id)


def of_bug(error: Exception, request_id: str) -> Problem:
    """What nobody foresaw, as the client is told; the operators are told where it happened."""
    telemetry.failed(error, request_id)
    return problem(500, STATUS[FaqChatError][1], request_id)


def problem(status: int, detail: str, trace_id: str) -> Problem:
    """A problem of an HTTP status."""
    return Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail, trace_id=trace_id)


async def reported(turn: Events, ids: Correlation) -> Events:
    """A turn's events, which the operators hear of.

    A problem that ends the turn names the request, and so does what a bug in the middle becomes.
    """
    begun = False
    try:
        async with aclosing(telemetry.observed(turn, ids)) as events:
            async for event in events:
                yield event.model_copy(update={"trace_id": ids.request_id}) if isinstance(event, Problem) else event
                begun = True
    except Exception as error:
        if not begun:  # nothing is sent yet: a status can still say it
            raise
        yield of_bug(error, ids.request_id)


def response(told: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as the whole answer."""
    return JSONResponse(told.model_dump(), told.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def _domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FaqChatError)
    return response(of_error(error, correlation(request).request_id))


async def _interrupted(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Interrupted)
    return response(error.problem)


async def _unreadable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return response(of_unreadable(error, request))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = {"allow": _allowed(request)} if error.status_code == 405 else error.headers
    return response(of_status(error, correlation(request).request_id), headers)


def _allowed(request: Request) -> str:
    """The methods of an address; Starlette names those of the first route that has it."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in matching for method in getattr(route, "methods", None) or ()}))
