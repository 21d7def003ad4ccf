"""The OpenAPI document, where FastAPI cannot know it: what an event stream holds, and how problems are sent."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from faqchat.adapters.problems import MEDIA_TYPE
from faqchat.events import EVENT_ID, Event, Problem

Schema = dict[str, Any]

EVENTS = {"error" if model is Problem else model.model_fields["type"].default: model for model in get_args(Event)}
_REF = "#/components/schemas/{model}"


def _event(name: str, data: Schema) -> Schema:
    content = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    fields = {"event": {"const": name}, "id": {"type": "string", "pattern": EVENT_ID}, "data": content}
    return {"type": "object", "properties": fields, "required": [*fields]}


_DATA = [_event(name, {"$ref": _REF.format(model=model.__name__)}) for name, model in EVENTS.items()]
# `itemSchema` is OpenAPI 3.2's; FastAPI writes it into its 3.1 documents as well
EVENT_STREAM: Schema = {
    "content": {"text/event-stream": {"itemSchema": {"oneOf": _DATA}}},
    "description": "`start`, `sources`, `delta` many times, `followups`, `done`; or `error` in place of the rest",
}


def describe(app: FastAPI) -> None:
    """Have the app's OpenAPI document say so."""
    app.openapi = partial(_completed, app.openapi)  # type: ignore[method-assign] # the way of FastAPI's manual


def _completed(openapi: Callable[[], Schema]) -> Schema:
    document = openapi()
    _, events = models_json_schema([(model, "serialization") for model in EVENTS.values()], ref_template=_REF)
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = dict(sorted((events["$defs"] | schemas).items()))
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        for answer in operation["responses"].values():
            content = answer.get("content", {})
            if content.get("application/json", {}).get("schema") == {"$ref": _REF.format(model=Problem.__name__)}:
                content[MEDIA_TYPE] = content.pop("application/json")
    return document
