"""The HTTP edge: statuses, problems, headers, the two doors. The domain behind it runs on fakes."""

import asyncio
import base64
import json
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from faqchat import bootstrap
from faqchat.adapters.buffered import Buffered
from faqchat.adapters.edge import MAX_BODY_BYTES
from faqchat.conversation import new_session_id
from faqchat.errors import Unavailable
from faqchat.faq import faq_id
from functions.chat.app import app
from tests.fakes import FAQ, ScriptedModel, World

EVENTS = Path(__file__).parent.parent / "events"


@pytest.fixture
async def world():
    return await World().ingested()


@pytest.fixture
async def client(world):
    app.dependency_overrides |= {
        bootstrap.turns: lambda: world.turns,
        bootstrap.history: lambda: world.history,
        bootstrap.catalogues: lambda: world.catalogues,
        bootstrap.readiness_checks: lambda: {
            "catalogue": world.catalogues.current,
            "embeddings": lambda: world.embedder.queries(["준비"]),
        },
    }
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://chat"
    ) as client:
        yield client
    app.dependency_overrides.clear()


def events_of(body: str) -> list[tuple[str, dict]]:
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in body.strip().split("\n\n")]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


async def test_the_stream_is_server_sent_events_in_readable_korean(client):
    response = await client.post("/v1/chat/stream", json={"message": "정산은 언제 되나요"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    events = events_of(response.text)
    assert [name for name, _ in events][:2] == ["start", "sources"]
    assert events[-1][0] == "done"
    assert "구매확정" in response.text
    turn_id = events[0][1]["turn_id"]
    assert f"id: {turn_id}:0\n" in response.text


async def test_the_whole_answer_says_what_the_stream_says(client):
    reply = (await client.post("/v1/chat", json={"message": "정산은 언제 되나요"})).json()
    assert reply["outcome"] == "answered"
    assert reply["answer"].startswith("구매확정")
    assert reply["sources"][0]["question"] == "[정산] 정산은 언제 되나요?"
    assert 2 <= len(reply["followups"]) <= 3


async def test_a_conversation_can_be_read_again_and_deleted(client):
    reply = (await client.post("/v1/chat", json={"message": "정산은 언제 되나요"})).json()
    url = f"/v1/sessions/{reply['session_id']}"
    turns = (await client.get(url)).json()["turns"]
    assert [turn["message"] for turn in turns] == ["정산은 언제 되나요"]
    assert turns[0]["answer"] == reply["answer"]
    assert not turns[0].keys() & {"session_id", "query", "usage", "cost_usd", "replaced_by"}, "operators' matters"
    assert (await client.delete(url)).status_code == 204
    assert (await client.get(url)).status_code == 404


class TestEntry:
    URL = f"/v1/faq/{faq_id(FAQ[0].question)}"

    async def test_it_is_read_in_full_with_what_the_editors_linked(self, client):
        response = await client.get(self.URL)
        assert response.json() == {
            "faq_id": faq_id(FAQ[0].question),
            "question": "[가입] 미성년자도 판매자로 가입할 수 있나요?",
            "tags": ["가입"],
            "answer": "만 14세 이상이면 가입할 수 있습니다.\n만 14세 미만은 가입할 수 없습니다.",
            "related": [{"faq_id": faq_id(FAQ[1].question), "question": FAQ[1].question}],
        }
        assert response.headers["content-type"] == "application/json"
        assert "가입할 수 있습니다" in response.text, "Korean stays readable"

    async def test_it_is_sent_again_only_when_it_changed(self, client, world):
        first = await client.get(self.URL)
        assert first.headers["cache-control"] == "no-cache"
        known = {"if-none-match": f'W/"other", {first.headers["etag"]}'}
        again = await client.get(self.URL, headers=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        await world.ingested(FAQ[0]._replace(answer="만 15세부터 가입할 수 있습니다."))
        world.catalogues._current = world.catalogues._version = None
        changed = await client.get(self.URL, headers=known)
        assert (changed.status_code, changed.json()["answer"]) == (200, "만 15세부터 가입할 수 있습니다.")
        assert changed.headers["etag"] != first.headers["etag"]

    @pytest.mark.parametrize(
        ("faq_id", "status", "detail"),
        [
            ("f" * 12, 404, "찾을 수 없습니다"),
            ("short", 422, "faq_id"),
            ("F" * 12, 422, "faq_id"),
            ("..%2F..", 404, ""),
        ],
    )
    async def test_one_that_is_not_there_is_a_problem_in_korean(self, client, faq_id, status, detail):
        response = await client.get(f"/v1/faq/{faq_id}")
        assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
        assert detail in response.json()["detail"]

    async def test_without_a_catalogue_it_is_unavailable(self, client, world):
        world.snapshots.snapshot = None
        assert (await client.get(self.URL)).status_code == 503


REFUSALS = [
    ({"json": {"message": ""}}, 422, "질문을 입력"),
    ({"json": {"message": "가" * 2_001}}, 422, "2,000자"),
    ({"json": {}}, 422, "message"),
    ({"json": {"message": "정산", "session_id": "../../etc"}}, 422, "session_id"),
    ({"json": {"message": "정산", "unknown": 1}}, 422, "unknown"),
    ({"json": ["정산"]}, 422, "본문"),
    ({"json": {"message": "정산", "session_id": "A" * 32}}, 404, "찾을 수 없습니다"),
    ({"json": {"message": "정산", "followup_id": "f" * 12}}, 404, "찾을 수 없습니다"),
    ({"content": "{", "headers": {"content-type": "application/json"}}, 400, "JSON"),
    ({"content": "message=1", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 415, "json"),
    ({"content": '{"message":"정산"}', "headers": {"content-type": "text/plain"}}, 415, "json"),
    ({"json": {"message": "가" * MAX_BODY_BYTES}}, 413, "너무 큽니다"),
]


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/chat/stream"])
@pytest.mark.parametrize(("request_", "status", "detail"), REFUSALS)
async def test_what_cannot_be_used_is_refused_as_a_problem_in_korean(client, path, request_, status, detail):
    response = await client.post(path, **request_)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert detail in problem["detail"]
    assert problem["status"] == status
    assert set(problem) == {"type", "title", "status", "detail", "trace_id"}


async def test_wrong_methods_and_unknown_addresses_are_problems_too(client):
    wrong = await client.get("/v1/chat")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.headers["content-type"] == "application/problem+json"
    assert (await client.get("/nowhere")).status_code == 404
    assert (await client.get(f"/v1/sessions/{new_session_id()}")).status_code == 404
    assert (await client.get("/v1/sessions/short")).status_code == 422
    assert (await client.post("/v1/turns/short/cancel")).status_code == 422, "it has no body to be of another type"


async def test_the_schema_names_every_error_as_the_problem_that_it_is(client):
    paths = (await client.get("/openapi.json")).json()["paths"]
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    operations = (operation for path in paths.values() for operation in path.values())
    for responses in (one["responses"] for one in operations if one.get("tags") != ["OpenAI"]):
        assert responses["500"]["content"] == {"application/problem+json": problem}
        assert problem not in [answer.get("content", {}).get("application/json") for answer in responses.values()]
    assert set(paths["/v1/chat"]["post"]["responses"]) > {"200", "400", "404", "409", "413", "415", "422", "429", "503"}


async def test_a_model_that_breaks_off_is_told_by_the_stream_and_by_the_status(client, world):
    world.chat._generators = (ScriptedModel("한 마디 ", Unavailable("secret host name")),)
    stream = await client.post("/v1/chat/stream", json={"message": "정산은 언제 되나요"})
    name, problem = events_of(stream.text)[-1]
    assert (stream.status_code, name, problem["status"]) == (200, "error", 503)
    assert "secret" not in stream.text
    whole = await client.post("/v1/chat", json={"message": "정산은 언제 되나요"})
    assert whole.status_code == 503
    assert "secret" not in whole.text


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/chat/stream"])
async def test_a_bug_is_logged_and_never_shown(client, world, path, caplog):
    world.chat._generators = (ScriptedModel("한 마디 ", ValueError("secret variable")),)
    response = await client.post(path, json={"message": "정산은 언제 되나요"})
    assert "secret" not in response.text
    assert "일시적인 오류" in response.text


async def test_logs_hold_no_message_text(client, world, capsys):
    world.chat._generators = (ScriptedModel(Unavailable("down")),)
    await client.post("/v1/chat", json={"message": "제 사업자번호는 비밀입니다"})
    said = capsys.readouterr()
    assert "사업자번호" not in said.out + said.err


async def test_readiness_names_each_part(client, world):
    assert (await client.get("/readyz")).json() == {"ready": True, "parts": {"catalogue": "ok", "embeddings": "ok"}}
    world.embedder.down = True
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["parts"]["embeddings"][:11]) == (200, "Unavailable")
    world.snapshots.snapshot = None
    world.catalogues._current = None
    assert (await client.get("/readyz")).status_code == 503


async def test_the_page_and_its_files_forbid_everything_foreign(client):
    page = await client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "<script" in page.text
    for path in ("/static/app.js", "/static/style.css", "/static/stream.js"):
        response = await client.get(path)
        assert (response.status_code, response.headers["x-content-type-options"]) == (200, "nosniff")


async def test_every_answer_names_its_request_and_so_does_every_problem(client, world):
    named = {"x-request-id": "from-the-caller"}
    assert (await client.get("/healthz", headers=named)).headers["x-request-id"] == "from-the-caller"
    for path in ("/nowhere", f"/v1/sessions/{new_session_id()}", "/v1/sessions/short"):
        response = await client.get(path, headers=named)
        assert response.headers["x-request-id"] == response.json()["trace_id"] == "from-the-caller"
    world.snapshots.down = True
    response = await client.post("/v1/chat", json={"message": "정산은 언제 되나요"}, headers=named)
    assert (response.status_code, response.json()["trace_id"]) == (503, "from-the-caller")
    first, second = [(await client.get("/nowhere")).json()["trace_id"] for _ in range(2)]
    assert first != second


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/chat/stream"])
@pytest.mark.parametrize("fault", [Unavailable("secret"), ValueError("secret")])
async def test_a_turn_that_fails_names_its_request(client, world, path, fault):
    world.chat._generators = (ScriptedModel("한 마디 ", fault),)
    response = await client.post(path, json={"message": "정산은 언제 되나요"}, headers={"x-request-id": "r-1"})
    problem = response.json() if path == "/v1/chat" else events_of(response.text)[-1][1]
    assert problem["trace_id"] == response.headers["x-request-id"] == "r-1"


async def test_a_malformed_context_breaks_no_request(client):
    headers = {"x-amzn-request-context": "{", "x-amzn-lambda-context": "[7]", "x-request-id": "a b"}
    response = await client.post("/v1/chat", json={"message": "정산은 언제 되나요"}, headers=headers)
    assert response.status_code == 200
    assert len(response.headers["x-request-id"]) == 32


class TestBufferedDoor:
    CONTEXT = SimpleNamespace(aws_request_id="invocation-1", function_name="chat")

    @pytest.fixture
    def handler(self):
        handler = Buffered(app)
        self.world = handler.loop.run_until_complete(World().ingested())
        app.dependency_overrides[bootstrap.turns] = lambda: self.world.turns
        yield handler
        app.dependency_overrides.clear()
        handler.loop.close()
        asyncio.set_event_loop(None)

    @pytest.fixture(params=["http_api_chat.json", "function_url_chat.json"])
    def event(self, request):
        return json.loads((EVENTS / request.param).read_text("utf-8"))

    def test_it_answers_events_of_http_apis_and_of_function_urls(self, handler, event):
        response = handler(event, self.CONTEXT)
        assert response["statusCode"] == 200
        assert json.loads(response["body"])["outcome"] == "answered"
        assert response["headers"]["x-request-id"] == event["requestContext"]["requestId"]

    def test_it_collects_the_stream(self, handler, event):
        event["rawPath"] = event["requestContext"]["http"]["path"] = "/v1/chat/stream"
        response = handler(event, self.CONTEXT)
        assert [name for name, _ in events_of(response["body"])][-1] == "done"
        assert not response["isBase64Encoded"]

    def test_a_body_may_come_as_base64(self, handler, event):
        event |= {"body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}
        assert json.loads(handler(event, self.CONTEXT)["body"])["outcome"] == "answered"

    def test_a_problem_is_text(self, handler, event):
        response = handler(event | {"body": "{"}, self.CONTEXT)
        assert (response["statusCode"], response["isBase64Encoded"]) == (400, False)
        assert json.loads(response["body"])["trace_id"] == event["requestContext"]["requestId"]

    def test_bytes_go_out_as_base64(self, event):
        async def image(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]})
            await send({"type": "http.response.body", "body": b"\x89PNG"})

        handler = Buffered(image)
        response = handler(event, self.CONTEXT)
        assert (response["body"], response["isBase64Encoded"]) == (base64.b64encode(b"\x89PNG").decode(), True)
        handler.loop.close()

    def test_a_bug_is_a_problem_whose_words_stay_inside(self, handler, event, caplog):
        self.world.chat._generators = (ScriptedModel(ValueError("secret")),)
        response = handler(event, self.CONTEXT)
        assert response["statusCode"] == 500
        assert "secret" not in response["body"] + caplog.text

    def test_all_events_share_one_loop_even_when_another_has_run_between_them(self, handler, event):
        loops = []

        async def app(scope, receive, send):
            loops.append(asyncio.get_running_loop())
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        handler._app = app
        for _ in range(2):
            handler(event, self.CONTEXT)
            asyncio.run(asyncio.sleep(0))  # leaves its thread without a loop
        assert loops == [handler.loop] * 2
