"""docs/api.md: the OpenAPI document of the app and the events of its streams, as pages to read.

python -m local.api_document            write it
python -m local.api_document --check    say whether it is what the code is, by the exit status
"""

import argparse
import json
import re
import string
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from faqchat.adapters import problems, socket
from faqchat.adapters.document import EVENTS
from faqchat.errors import Unavailable
from faqchat.events import (
    ChatRequest,
    Delta,
    Done,
    Event,
    FollowUp,
    FollowUps,
    Problem,
    Source,
    Sources,
    Start,
    as_json,
)
from functions.chat.app import app
from local.layout import ROOT

DOCUMENT = ROOT / "docs" / "api.md"
FRAME = Path(__file__).with_suffix(".md")
URL = "http://127.0.0.1:8000"
SOCKET = URL.replace("http", "ws", 1) + "/v1/chat/ws"

Schema = Mapping[str, Any]

JSON = "-H 'content-type: application/json' -d "
QUESTION = JSON + """'{"message": "반품 배송비는 누가 내나요?"}'"""
# What curl is called with beside the address, and what stands for the parameters of its path.
CALLS = {
    "POST /v1/chat/stream": f"-N {QUESTION}",
    "POST /v1/chat": QUESTION,
    "GET /v1/turns/{turn_id}/events": "-N",
    "POST /v1/turns/{turn_id}/cancel": "-X POST",
    "POST /v1/turns/{turn_id}/feedback": f"""{JSON}'{{"rating": "up"}}'""",
    "DELETE /v1/sessions/{session_id}": "-X DELETE",
    "GET /v1/faq/suggest": "-G --data-urlencode 'q=반품 배'",
    "POST /v1/chat/completions": JSON
    + """'{"messages": [{"role": "user", "content": "반품 배송비는 누가 내나요?"}]}'""",
}

TURN = "019a3f2c7d10" + "5e" * 16
TRACE = "aa0a1020fc8543b69525158cd20e6029"
ENTRY = "a4dbff1426c9"
IN_PATHS = {"model_id": "faqchat", "faq_id": ENTRY}
EXAMPLES: Sequence[Event] = (
    Start(session_id="JWy96jJoaU4niz8PmFgRYa907X3JAn3h", turn_id=TURN, model="extractive"),
    Sources(
        sources=(
            Source(
                faq_id=ENTRY,
                question="[가입] 미성년자도 스마트스토어 판매자로 가입할 수 있나요?",
                tags=("가입", "미성년자"),
                score=34.656,
                excerpt="만 14세 이상이면 …",
            ),
        )
    ),
    Delta(text="만 14세 이상이면 가입할 수 있고, 만 14세 미만은 가입할 수 없습니다.\n"),
    FollowUps(followups=(FollowUp(faq_id="4e2f3d7582a9", text="어떤 서류를 내야 하는지 안내해 드릴까요?"),)),
    Done(outcome="answered", timings_ms={"search": 89.4, "first_text": 91.1, "total": 99.2}),
    problems.problem(503, problems.STATUS[Unavailable][1], TRACE),
)
SHAPES = {"object": "an object", "array": "a list", "string": "text", "integer": "whole number", "null": "null"}


def document() -> str:
    """The whole page."""
    openapi = app.openapi()
    schemas: Mapping[str, Schema] = openapi["components"]["schemas"]
    calls = [
        (f"{method.upper()} {path}", operation)
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    ]
    sent = _named_by([call["requestBody"] for _, call in calls if "requestBody" in call], schemas)
    page = string.Template(FRAME.read_text("utf-8")).substitute(
        url=URL,
        socket=SOCKET,
        operations=_table(
            ("", "", "answers with"),
            ([_link(name), _first_line(call["description"]), _answers(call)] for name, call in calls),
        ),
        events="\n\n".join(map(_event, EXAMPLES)),
        chat_frame=_first_line(ChatRequest.__doc__ or ""),
        cancel_frame=_first_line(socket.CancelFrame.__doc__ or ""),
        resume_frame=_first_line(socket.ResumeFrame.__doc__ or ""),
        problems=_table(("status", "when"), ((str(status), when) for status, when in sorted(problems.WHEN.items()))),
        problem=as_json(problems.problem(415, problems.HTTP_DETAILS[415], TRACE)),
        details="\n\n".join(_operation(name, call) for name, call in calls),
        objects="\n\n".join(
            _object(name, schema, is_sent=name in sent)
            for name, schema in schemas.items()
            if name not in {model.__name__ for model in EVENTS.values()} - {Problem.__name__}
        ),
    )
    return page.strip() + "\n"


def _operation(name: str, call: Schema) -> str:
    """A section on one method of one address."""
    parts = [f"### {name}", call["description"]]
    if parameters := call.get("parameters"):
        rows = [
            (
                f"`{one['name']}`",
                one["in"],
                _type(one["schema"]),
                one.get("description") or _left_out(one["schema"], one["required"]),
            )
            for one in parameters
        ]
        parts.append(_table(("parameter", "in", "type", ""), rows))
    if body := call.get("requestBody"):
        parts.append("Body: " + " or ".join(_content(body["content"])))
    answers = (
        (
            str(status),
            ", ".join(_content(answer.get("content", {}))),
            answer["description"].replace("Successful Response", ""),
        )
        for status, answer in sorted(call["responses"].items())
    )
    parts.append(_table(("status", "body", ""), answers))
    parts.append(f"```sh\n{_curl(name)}\n```")
    return "\n\n".join(parts)


def _curl(name: str) -> str:
    path = re.sub(r"\{(\w+)\}", lambda found: IN_PATHS.get(found[1], found[1].upper()), name.partition(" ")[2])
    return f"curl {URL}{path} {CALLS.get(name, '')}".strip()


def _event(example: Event) -> str:
    """A section on one event."""
    name = next(name for name, model in EVENTS.items() if isinstance(example, model))
    if isinstance(example, Problem):
        parts = ["Last, instead of `done`, where a turn failed in the middle."]
    else:
        schema = type(example).model_json_schema(mode="serialization", ref_template="{model}")
        parts = [_prose(schema["description"]), _fields(schema)]
    line = f"event: {name}\nid: {TURN}:{EXAMPLES.index(example)}\ndata: {as_json(example)}"
    return "\n\n".join([f"### {name}", *parts, f"```\n{line}\n```"])


def _object(name: str, schema: Schema, *, is_sent: bool) -> str:
    """A section on one object; only what a client sends may leave fields out."""
    return "\n\n".join([f"### {name}", _prose(schema.get("description", "")), _fields(schema, is_sent=is_sent)])


def _fields(schema: Schema, *, is_sent: bool = False) -> str:
    required = schema.get("required", ())
    rows = ([f"`{name}`", _type(of), _left_out(of, name in required)] for name, of in schema["properties"].items())
    return _table(("field", "type", ""), rows) if is_sent else _table(("field", "type"), (row[:2] for row in rows))


def _named_by(part: object, schemas: Mapping[str, Schema]) -> set[str]:
    """The objects that a part of the document refers to, and those that they do."""
    direct = {name for name in schemas if f'schemas/{name}"' in json.dumps(part)}
    others = [_named_by(schemas[name], schemas) for name in direct]
    return direct.union(*others)


def _left_out(schema: Schema, required: bool) -> str:
    """What stands for a value that is not sent."""
    default = schema.get("default")
    optional = f"`{json.dumps(default, ensure_ascii=False)}` if left out" if default is not None else "optional"
    return "" if required else optional


def _type(schema: Schema) -> str:
    """What a value is, in words."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {_type(schema['additionalProperties'])}"
    limits = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"))
        if key in schema
    ]
    pattern = [f"matches `{schema['pattern']}`"] if "pattern" in schema else []
    shape = str(schema.get("type", "anything"))
    kind = str(schema.get("format") or SHAPES.get(shape, shape))
    return ", ".join(
        [kind, *([" ".join(limits) + " characters" * ("maxLength" in schema)] if limits else []), *pattern]
    )


def _content(content: Mapping[str, Schema]) -> Iterator[str]:
    for media_type, of in content.items():
        if "itemSchema" in of:
            yield "[events](#events)"
        elif of["schema"] == {"type": "string"}:
            yield f"`{media_type}`"
        else:
            yield _type(of["schema"])


def _answers(call: Schema) -> str:
    return ", ".join(_content(next(answer for _, answer in sorted(call["responses"].items())).get("content", {})))


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _prose(text: str) -> str:
    """A docstring, its lines joined again."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _link(heading: str) -> str:
    """A link to a heading, whose anchor is made as GitHub makes it."""
    anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    return f"[{heading}](#{anchor})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(prog="python -m local.api_document", description="docs/api.md, from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 where the page is old")
    if not parser.parse_args().check:
        DOCUMENT.write_text(document(), "utf-8")
    elif not DOCUMENT.exists() or DOCUMENT.read_text("utf-8") != document():
        print(f"{DOCUMENT.relative_to(ROOT)} is old: `make api-docs` writes it again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
