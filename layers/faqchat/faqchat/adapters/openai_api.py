"""The OpenAI Chat Completions API in front of the same turns: its official clients and front ends can ask this chat.

What its clients send and read is in `openai_wire` and `openai_reply`; here is HTTP.
"""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from faqchat import openai_reply, openai_wire, sse
from faqchat.adapters import problems
from faqchat.adapters.correlation import Correlation
from faqchat.catalogue import Catalogues
from faqchat.errors import FaqChatError
from faqchat.events import ChatRequest, Problem
from faqchat.openai_reply import ChatCompletion, CompletionStream, ErrorReply, Model, ModelList
from faqchat.openai_wire import ChatCompletionRequest, Unusable
from faqchat.reply import collect
from faqchat.settings import Settings
from faqchat.turns import Answer, Turns

Responses = dict[int | str, dict[str, Any]]
ANY_FAILURE: Responses = {
    500: {"model": ErrorReply, "description": "a bug; the log has the `x-request-id`"},
    "default": {"model": ErrorReply, "description": "What went wrong, as OpenAI says it"},
}
NO_MODEL = ANY_FAILURE | {404: {"model": ErrorReply, "description": "another model than this chat's"}}
COMPLETION = ANY_FAILURE | {
    200: {
        "model": ChatCompletion,
        "description": "the completion; with `stream`, `chat.completion.chunk` objects as server-sent events",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    400: {"model": ErrorReply, "description": "not a request that this chat can answer"},
    413: {"model": ErrorReply, "description": "more than 1 MB"},
    415: {"model": ErrorReply, "description": "not sent as application/json"},
    429: {"model": ErrorReply, "description": "the model's server is asked too much"},
    503: {"model": ErrorReply, "description": "nothing can be answered at the moment"},
}


class OpenAIRoute(APIRoute):
    """A route whose errors are OpenAI's."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, and what its errors become."""
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:  # noqa: BLE001 # an edge: `_told` logs what it does not know
                return _told(error, request)

        return answered

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse its method."""
        try:
            await super().handle(scope, receive, send)
        except HTTPException as error:
            await _told(error, Request(scope))(scope, receive, send)


def router(
    turns: Callable[[], Turns], catalogues: Callable[[], Catalogues], settings: Callable[[], Settings]
) -> APIRouter:
    """The API's routes, with what they depend on."""
    routes = APIRouter(route_class=OpenAIRoute, tags=["OpenAI"])

    @routes.post("/v1/chat/completions", response_model=None, responses=COMPLETION)
    async def create_completion(
        asked: ChatCompletionRequest,
        turns: Annotated[Turns, Depends(turns)],
        catalogues: Annotated[Catalogues, Depends(catalogues)],
        settings: Annotated[Settings, Depends(settings)],
        ids: Annotated[Correlation, Depends(problems.correlation)],
    ) -> Response:
        """Answer the last message of a conversation, as OpenAI's Chat Completions do. The turn ends with its reader."""
        message = openai_wire.question(asked)
        past = openai_wire.past(asked, await catalogues.current(), settings.history_turns)
        answer = await turns.begin(
            ChatRequest(message=message), partial(problems.reported, ids=ids), past=past, resumable=False
        )
        return _stream(answer, asked, settings.heartbeat_s) if asked.stream else await _whole(answer)

    @routes.get("/v1/models", responses=ANY_FAILURE)
    async def list_models() -> ModelList:
        """The models that can be asked: one."""
        return ModelList(object="list", data=[openai_reply.THE_MODEL])

    @routes.get("/v1/models/{model_id:path}", response_model=Model, responses=NO_MODEL)
    async def read_model(model_id: str) -> Any:
        """One model."""
        if model_id != openai_reply.MODEL:
            unknown = openai_reply.error_of(404, "없는 모델입니다.", "model", "model_not_found")
            return JSONResponse(unknown.model_dump(), 404)
        return openai_reply.THE_MODEL

    return routes


def _stream(answer: Answer, asked: ChatCompletionRequest, heartbeat_s: float) -> StreamingResponse:
    encoder = CompletionStream(include_usage=asked.wants_usage).encode
    return StreamingResponse(
        sse.encode(answer.turn_id, answer.events, heartbeat_s, encoder),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _whole(answer: Answer) -> Response:
    async with aclosing(answer.events) as events:
        reply = await collect(numbered.event async for numbered in events)
    if isinstance(reply, Problem):
        raise problems.Interrupted(reply)
    return Response(openai_reply.completion(reply).model_dump_json(), media_type="application/json")


def _told(error: Exception, request: Request) -> JSONResponse:
    """An error as OpenAI's clients know it."""
    request_id = problems.correlation(request).request_id
    param: str | None = None
    headers: Mapping[str, str] | None = None
    match error:
        case FaqChatError():
            problem = problems.of_error(error, request_id)
            param = error.param if isinstance(error, Unusable) else None
        case problems.Interrupted():
            problem = error.problem
        case RequestValidationError():
            problem = problems.of_unreadable(error, request)
            if param := openai_wire.param_of(error.errors()[0]["loc"][1:]):
                problem = problems.problem(400, f"요청 형식이 올바르지 않습니다: {param}", request_id)
        case HTTPException():
            problem = problems.of_status(error, request_id)
            headers = error.headers
        case _:
            problem = problems.of_bug(error, request_id)
    status = 400 if problem.status == 422 else problem.status  # OpenAI knows no 422
    return JSONResponse(openai_reply.error_of(status, problem.detail, param).model_dump(), status, headers)
