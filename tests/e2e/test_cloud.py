"""The built template, deployed: a file in the bucket becomes answers behind both doors.

Against the emulator of the stack that the other tests use, or against whatever AWS_ENDPOINT_URL names (LocalStack:
`make e2e-localstack`); there, E2E_MILVUS_URI and E2E_EMBEDDING_BASE_URL say what its functions reach, and
E2E_MILVUS_URI_HERE where this process finds the same Milvus.
"""

import json
import os
from pathlib import Path
from uuid import uuid4

import pytest

from faqchat.events import DECLINED
from faqchat.faq import faq_id
from local.layout import TOOLS
from tests.e2e.cloud import Cloud, build, read_lines
from tests.e2e.product import FAQ, until

INGESTED_S = 900.0
DEAD_S = 400.0  # five receives, each after a longer pause
ALIAS = "cloud"
POISON = '{"run_id": "독"}'
MINORS = "미성년자도 판매 회원 등록이 가능한가요?"

pytestmark = pytest.mark.skipif(
    not (os.environ.get("AWS_ENDPOINT_URL") or (TOOLS / "emulator" / "bin" / "python3.12").exists()),
    reason="the emulator runs functions with its own Python, and that is not Lambda's 3.12",
)


def entries():
    return read_lines(FAQ)


def ids(lines):
    return {faq_id(line["question"]) for line in lines}


@pytest.fixture(scope="module")
def cloud(request):
    """The deployed stack, with the FAQ ingested through its bucket, and one poisoned message under way."""
    build()
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        environment = dict(os.environ)
        milvus, embeddings = os.environ["E2E_MILVUS_URI"], os.environ["E2E_EMBEDDING_BASE_URL"]
    else:
        environment = request.getfixturevalue("product").layout.ingest_environment()
        endpoint = environment["AWS_ENDPOINT_URL"]
        milvus, embeddings = environment["FAQCHAT_MILVUS_URI"], environment["FAQCHAT_EMBEDDING_BASE_URL"]
    cloud = Cloud(endpoint, "faqchat-e2e", environment, os.environ.get("E2E_MILVUS_URI_HERE", milvus))
    took = cloud.deploy(
        {
            "AdapterLayerArn": "",
            "AuthType": "NONE",
            "EmbedConcurrency": "0",
            "EmbeddingBaseUrl": embeddings,
            "EmbeddingQueryModel": "e5-query",
            "EmbeddingPassageModel": "e5-passage",
            "MilvusUri": milvus,
            "MilvusAlias": ALIAS,
            "Release": "e2e",
        }
    )
    print(f"deployed in {took:.0f} s")
    cloud.upload(entries())
    cloud.send("BatchQueueUrl", POISON)
    until(lambda: live(cloud, "faq/faq.jsonl"), INGESTED_S)
    yield cloud
    cloud.delete()
    cloud.close()


def live(cloud, key, removed=0):
    """Whether the newest run is of this file, and live."""
    newest = cloud.runs()[:1]
    return newest and (newest[0]["source"], newest[0]["status"], newest[0]["removed"]) == (key, "live", removed)


def ask(door, message, session_id=None, followup_id=None):
    body = {"message": message, "session_id": session_id, "followup_id": followup_id}
    response = door.post("/v1/chat", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_pipeline_says_what_it_did(cloud):
    (run,) = cloud.runs()
    assert (run["source"], run["read"], run["added"], run["pending"]) == (
        "faq/faq.jsonl",
        len(entries()),
        len(entries()),
        0,
    )


@pytest.mark.parametrize("output", ["ApiUrl", "StreamUrl"])
def test_a_question_is_answered_behind_each_door(cloud, output):
    if output not in cloud.doors:
        pytest.skip(f"this emulator serves no {output}")
    with cloud.door(output) as door:
        reply = ask(door, MINORS)
        assert reply["outcome"] == "answered"
        assert reply["degraded"] == []
        assert "만 14세" in reply["answer"]
        assert 2 <= len(reply["followups"]) <= 3
        assert ask(door, "오늘 저녁에 여의도 가려는데 맛집 추천해줄래?")["answer"] == DECLINED
        assert door.get("/readyz").json()["parts"] == dict.fromkeys(
            ("catalogue", "embeddings", "vectors", "history"), "ok"
        )


def test_a_stream_reaches_a_client_of_the_function_url_as_typed_events(cloud):
    with cloud.door("StreamUrl") as door:
        response = door.post("/v1/chat/stream", json={"message": MINORS})
        assert response.headers["content-type"].startswith("text/event-stream")
        names = [line.removeprefix("event: ") for line in response.text.splitlines() if line.startswith("event: ")]
        assert (names[0], names[1], names[-2], names[-1]) == ("start", "sources", "followups", "done")


def test_two_turns_are_one_conversation_and_both_are_in_the_table(cloud):
    with cloud.door(cloud.doors[0]) as door:
        first = ask(door, "만 18세인데 판매자로 가입할 수 있나요?")
        second = ask(door, "그럼 어떤 서류가 필요해요?", first["session_id"])
        assert second["session_id"] == first["session_id"]
        assert "동의" in second["answer"]
        shown = door.get(f"/v1/sessions/{first['session_id']}").json()["turns"]
    stored = [item for item in cloud.items("ConversationsTableName") if item["session_id"]["S"] == first["session_id"]]
    turns = sorted((item for item in stored if "message" in item), key=lambda item: item["turn_id"]["S"])
    assert [turn["turn_id"]["S"] for turn in turns] == [turn["turn_id"] for turn in shown]
    assert [turn["answer"]["S"] for turn in turns] == [first["answer"], second["answer"]]
    assert all(int(item["expires_at"]["N"]) for item in stored)


def test_a_turn_is_read_again_rated_and_not_done_twice(cloud):
    """The functions find their turn log: its table, its name and their permissions are the template's."""
    body, key = {"message": MINORS}, {"idempotency-key": str(uuid4())}
    with cloud.door(cloud.doors[0]) as door:
        first = door.post("/v1/chat", json=body, headers=key)
        turn_id, session_id = first.json()["turn_id"], first.json()["session_id"]
        again = door.post("/v1/chat", json=body, headers=key)
        assert (again.headers["idempotency-replayed"], again.json()) == ("true", first.json())
        events = door.get(f"/v1/turns/{turn_id}/events")
        assert [line for line in events.text.splitlines() if line.startswith("event: ")][-1] == "event: done"
        assert door.get(f"/v1/turns/{turn_id}/events", headers={"last-event-id": f"{turn_id}:9999"}).status_code == 204
        assert door.post(f"/v1/turns/{turn_id}/cancel").json()["status"] == "ended"
        assert door.post(f"/v1/turns/{turn_id}/feedback", json={"rating": "up"}).status_code == 204
        (shown,) = door.get(f"/v1/sessions/{session_id}").json()["turns"]
        assert shown["feedback"]["rating"] == "up"
        assert door.delete(f"/v1/sessions/{session_id}").status_code == 204
        assert door.get(f"/v1/turns/{turn_id}/events").status_code == 404


def test_a_real_event_of_the_http_api_is_answered_by_the_function_itself(cloud):
    event = json.loads((Path(__file__).parents[1] / "events" / "http_api_chat.json").read_text("utf-8"))
    answer = cloud.client("lambda").invoke(FunctionName=f"{cloud.stack}-chat", Payload=json.dumps(event).encode())
    reply = json.loads(answer["Payload"].read())
    assert reply["statusCode"] == 200
    assert json.loads(reply["body"])["outcome"]


def test_a_deleted_entry_is_gone_and_the_others_stay(cloud):
    gone, *kept = entries()
    cloud.upload(kept)
    until(lambda: live(cloud, "faq/faq.jsonl", removed=1), INGESTED_S)
    newest, before = cloud.runs()[:2]
    assert (newest["removed"], newest["unchanged"] + newest["changed"], before["status"]) == (
        1,
        len(kept),
        "superseded",
    )
    with cloud.door(cloud.doors[0]) as door:
        until(lambda: door.get(f"/v1/faq/{faq_id(gone['question'])}").status_code == 404)
        assert all(door.get(f"/v1/faq/{one}").status_code == 200 for one in ids(kept))
        assert faq_id(gone["question"]) not in [source["faq_id"] for source in ask(door, gone["question"])["sources"]]


def test_of_overlapping_uploads_the_newest_ends_live_with_equal_counts_on_both_sides(cloud):
    files = {f"faq/{number}.jsonl": entries()[number:] for number in (4, 3, 2, 1)}
    for key, lines in files.items():
        cloud.upload(lines, key)
    event = cloud.uploaded("faq/1.jsonl")
    for _ in range(2):  # S3 delivers at least once
        cloud.client("lambda").invoke(FunctionName=f"{cloud.stack}-ingest", InvocationType="Event", Payload=event)
    until(lambda: live(cloud, "faq/1.jsonl") or live(cloud, "faq/1.jsonl", removed=1), INGESTED_S)
    until(lambda: cloud.stored(ALIAS, "title") == ids(files["faq/1.jsonl"]), INGESTED_S)
    assert {run["status"] for run in cloud.runs() if run["source"] != "faq/1.jsonl"} == {"superseded"}
    with cloud.door(cloud.doors[0]) as door:
        until(
            lambda: (
                {one for one in ids(entries()) if door.get(f"/v1/faq/{one}").is_success} == ids(files["faq/1.jsonl"])
            )
        )


def test_a_file_that_is_no_faq_is_refused_and_the_faq_stays(cloud):
    cloud.client("s3").put_object(
        Bucket=cloud.outputs["BucketName"], Key="faq/evil.pkl", Body=b"cos\nsystem\n(S'x'\ntR."
    )
    until(lambda: cloud.runs()[0]["status"] == "refused", INGESTED_S)
    assert "not allowed" in cloud.runs()[0]["error"]
    with cloud.door(cloud.doors[0]) as door:
        assert ask(door, "반품 배송비는 누가 내나요?")["outcome"] == "answered"


def test_the_poisoned_message_alone_ends_in_the_dead_letters(cloud):
    until(lambda: POISON in cloud.waiting("BatchDeadLettersUrl"), DEAD_S)
    assert cloud.waiting("BatchDeadLettersUrl") == [POISON]
    assert cloud.waiting("PublishDeadLettersUrl") == cloud.waiting("IngestFailuresUrl") == []
