"""OpenAI's API over HTTP: statuses, errors, streams. The domain behind it runs on fakes."""

import asyncio
import json

import httpx
import pytest

from faqchat import bootstrap
from faqchat.chat import INTERRUPTED
from faqchat.errors import Busy, Unavailable
from faqchat.openai_reply import MODEL
from functions.chat.app import app
from tests.fakes import FAQ, ScriptedModel, World

URL = "/v1/chat/completions"
QUESTION = "정산은 언제 되나요"
MESSAGES = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def model():
    return ScriptedModel("구매확정 다음 영업일에 정산됩니다. [1]")


@pytest.fixture
async def world(model):
    return await World(model).ingested()


@pytest.fixture
async def client(world):
    app.dependency_overrides |= {
        bootstrap.turns: lambda: world.turns,
        bootstrap.catalogues: lambda: world.catalogues,
    }
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://chat"
    ) as client:
        yield client
    app.dependency_overrides.clear()


def chunks_of(body):
    return [json.loads(block.removeprefix("data: ")) for block in body.strip().split("\n\n") if block != "data: [DONE]"]


def text_of(body):
    chunks = chunks_of(body)
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])


async def test_a_completion_shows_the_answer_its_sources_and_the_offers(client):
    reply = (await client.post(URL, json={"model": "gpt-anything", "messages": MESSAGES})).json()
    assert reply["model"] == MODEL
    answer, source, *offers = reply["choices"][0]["message"]["content"].split("\n\n")
    assert answer == "구매확정 다음 영업일에 정산됩니다. [1]"
    assert source == f"출처 [1] {FAQ[2].question}"
    assert offers == ["\n".join(f"- {offer['text']}" for offer in reply["faqchat"]["followups"])]
    assert reply["usage"]["total_tokens"] == 1_100


async def test_a_stream_says_the_same_in_readable_korean(client):
    whole = (await client.post(URL, json={"messages": MESSAGES})).json()
    response = await client.post(URL, json={"messages": MESSAGES, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    assert response.text.endswith("data: [DONE]\n\n")
    assert text_of(response.text) == whole["choices"][0]["message"]["content"]
    assert "구매확정" in response.text


async def test_the_messages_before_are_the_conversation(client, model):
    first = (await client.post(URL, json={"messages": MESSAGES})).json()["choices"][0]["message"]
    messages = [
        {"role": "system", "content": "영어로"},
        *MESSAGES,
        first,
        {"role": "user", "content": "그럼 어디서 봐요?"},
    ]
    second = (await client.post(URL, json={"messages": messages})).json()
    assert model.briefs[-1].history == [(QUESTION, "구매확정 다음 영업일에 정산됩니다. [1]")]
    assert second["faqchat"]["sources"][0]["question"] == FAQ[2].question


async def test_a_yes_takes_up_the_first_offer(client):
    first = (await client.post(URL, json={"messages": MESSAGES})).json()
    messages = [*MESSAGES, first["choices"][0]["message"], {"role": "user", "content": "네"}]
    second = (await client.post(URL, json={"messages": messages})).json()
    assert second["faqchat"]["sources"][0]["faq_id"] == first["faqchat"]["followups"][0]["faq_id"]


async def test_a_turn_is_stored_and_can_be_rated_by_what_the_extension_says(client, world):
    said = (await client.post(URL, json={"messages": MESSAGES})).json()["faqchat"]
    rated = await client.post(f"/v1/turns/{said['turn_id']}/feedback", json={"rating": "up"})
    assert rated.status_code == 204
    (turn,) = await world.history.recent(said["session_id"], 5)
    assert (turn.message, turn.feedback.rating) == (QUESTION, "up")


async def test_a_conversation_may_be_longer_than_one_question(client):
    messages = [{"role": "user", "content": "가" * 1_500}, {"role": "assistant", "content": "나" * 1_500}] * 50
    assert (await client.post(URL, json={"messages": [*messages, *MESSAGES]})).status_code == 200


async def test_a_reader_that_leaves_ends_the_turn_at_once(world, client):
    reached, closed = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedModel):
        async def generate(self, brief):
            try:
                yield "구매확정 다음 영업일에 정산됩니다."
                reached.set()
                await asyncio.sleep(60)
            finally:
                closed.set()

    world.chat._generators = (Slow(),)
    body = json.dumps({"messages": MESSAGES, "stream": True}).encode()

    async def receive():
        if not reached.is_set() and (message := sent.pop(0) if sent else None):
            return message
        await reached.wait()
        return {"type": "http.disconnect"}

    async def send(_):
        pass

    sent = [{"type": "http.request", "body": body}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "raw_path": URL.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    serving = asyncio.create_task(app(scope, receive, send))
    async with asyncio.timeout(5):
        await serving
        await closed.wait()


REFUSALS = [
    ({"json": {}}, 400, "messages"),
    ({"json": {"messages": []}}, 400, "messages"),
    ({"json": {"messages": [{"role": "user", "content": 5}]}}, 400, "messages[0].content"),
    ({"json": {"messages": [{"role": "robot", "content": ""}]}}, 400, "messages[0].role"),
    ({"json": {"messages": MESSAGES, "stream": "maybe"}}, 400, "stream"),
    ({"json": {"messages": MESSAGES, "n": 3}}, 400, "n"),
    (
        {"json": {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}},
        400,
        "messages[0].content[0].type",
    ),
    ({"json": {"messages": [{"role": "user", "content": " "}]}}, 400, None),
    ({"json": {"messages": [{"role": "user", "content": "가" * 2_001}]}}, 400, None),
    ({"content": "{", "headers": {"content-type": "application/json"}}, 400, None),
    ({"json": ["정산"]}, 400, None),
    ({"json": {"messages": [{"role": "user", "content": "가" * 400_000}]}}, 413, None),
    ({"content": "{}"}, 415, None),
]


@pytest.mark.parametrize(("sent", "status", "param"), REFUSALS)
async def test_what_cannot_be_used_is_refused_as_openai_refuses(client, sent, status, param):
    response = await client.post(URL, **sent)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (status, "invalid_request_error", param)
    assert any("가" <= letter <= "힣" for letter in error["message"]), "Korean, for the end user"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_another_method_is_refused_as_openai_refuses(client, method):
    response = await client.request(method, URL)
    assert (response.status_code, response.json()["error"]["type"]) == (405, "invalid_request_error")
    assert response.headers["allow"] == "POST"


async def test_without_a_catalogue_it_is_unavailable(client, world):
    world.snapshots.snapshot = None
    response = await client.post(URL, json={"messages": MESSAGES})
    assert (response.status_code, response.json()["error"]["type"]) == (503, "server_error")


@pytest.mark.parametrize(
    ("error", "status", "kind"), [(Busy("x"), 429, "rate_limit_error"), (KeyError("x"), 500, "server_error")]
)
async def test_what_fails_before_the_first_event_has_a_status(client, world, monkeypatch, error, status, kind):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(world.turns, "begin", fail)
    response = await client.post(URL, json={"messages": MESSAGES, "stream": True})
    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)


@pytest.mark.parametrize(("error", "said"), [(Unavailable("x"), INTERRUPTED), (KeyError("x"), "일시적인 오류")])
async def test_what_fails_in_the_middle_ends_the_stream_with_an_error(client, world, error, said):
    world.chat._generators = (ScriptedModel("구매확정 다음 영업일에 ", error),)
    response = await client.post(URL, json={"messages": MESSAGES, "stream": True})
    *_, last = chunks_of(response.text)
    assert last["error"]["type"] == "server_error"
    assert said in last["error"]["message"]
    assert "[DONE]" not in response.text

    whole = await client.post(URL, json={"messages": MESSAGES})
    assert whole.status_code >= 500
    assert said in whole.json()["error"]["message"]


async def test_the_one_model_can_be_listed_and_read(client):
    assert [model["id"] for model in (await client.get("/v1/models")).json()["data"]] == [MODEL]
    assert (await client.get(f"/v1/models/{MODEL}")).json()["object"] == "model"


@pytest.mark.parametrize("name", ["gpt-4o", "org/name", f"{MODEL}-2"])
async def test_another_model_is_not_there(client, name):
    response = await client.get(f"/v1/models/{name}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


def test_the_document_names_what_comes_back():
    paths = app.openapi()["paths"]
    answers = paths[URL]["post"]["responses"]
    assert answers["200"]["content"].keys() == {"application/json", "text/event-stream"}
    assert answers.keys() == {"200", "400", "413", "415", "429", "500", "503", "default"}
    for path, method in ((URL, "post"), ("/v1/models", "get"), ("/v1/models/{model_id}", "get")):
        errors = {name: answer for name, answer in paths[path][method]["responses"].items() if name != "200"}
        schemas = {answer["content"]["application/json"]["schema"]["$ref"] for answer in errors.values()}
        assert schemas == {"#/components/schemas/ErrorReply"}
