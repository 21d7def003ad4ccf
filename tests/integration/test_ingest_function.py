"""The ingest functions with real events, on a bucket, tables and queues nearby."""

import importlib.util
import json
import secrets
from types import SimpleNamespace

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError

from faqchat import bootstrap
from faqchat.errors import Unavailable
from faqchat.faq import faq_id
from faqchat.runs import Upload
from local.layout import ROOT
from tests.fakes import FakeEmbedder, FakeVectors
from tests.integration.tables import create_table

ENTRIES = [{"question": f"[정산] 질문 {n}은 무엇인가요?", "answer": f"답변 {n}입니다."} for n in range(40)]
CONTEXT = {
    "function_name": "ingest",
    "memory_limit_in_mb": 1024,
    "invoked_function_arn": "arn:aws:lambda:ap-northeast-2:000000000000:function:ingest",
    "get_remaining_time_in_millis": lambda: 60_000,
}


@pytest.fixture(scope="module")
def app():
    spec = importlib.util.spec_from_file_location("ingest_app", ROOT / "functions" / "ingest" / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.loop.close()


class Cloud:
    """What the template makes, and the event sources between."""

    def __init__(self, app, bucket, monkeypatch):
        self.app = app
        self.bucket = bucket
        self.s3, self.sqs, self.dynamodb = (boto3.client(name) for name in ("s3", "sqs", "dynamodb"))
        name = secrets.token_hex(4)
        self.batches = self.sqs.create_queue(QueueName=f"batches-{name}")["QueueUrl"]
        fifo = {"FifoQueue": "true"}
        self.settlements = self.sqs.create_queue(QueueName=f"settle-{name}.fifo", Attributes=fifo)["QueueUrl"]
        create_table(self.dynamodb, f"ingest-{name}", "kind", "run_id")
        create_table(self.dynamodb, f"idempotency-{name}", "id")
        settings = {
            "BUCKET": bucket,
            "INGEST_TABLE": f"ingest-{name}",
            "IDEMPOTENCY_TABLE": f"idempotency-{name}",
            "BATCH_QUEUE_URL": self.batches,
            "PUBLISH_QUEUE_URL": self.settlements,
        }
        for setting, value in settings.items():
            monkeypatch.setenv(f"FAQCHAT_{setting}", value)
        self.embedder, self.vectors = FakeEmbedder(), FakeVectors()
        monkeypatch.setattr(bootstrap, "embedder", lambda: self.embedder)
        monkeypatch.setattr(bootstrap, "vectors", lambda: self.vectors)
        monkeypatch.setattr(bootstrap, "scope_banks", lambda: {"out_of_scope": ["오늘 날씨 어때"]})

    def upload(self, key, entries, at="2026-11-23T00:30:15.123Z", sequencer="0055AED6DCD90281E5"):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body="\n".join(map(json.dumps, entries)).encode())
        event = json.loads((ROOT / "tests/events/s3_upload.json").read_text())
        record = event["Records"][0]
        record["eventTime"] = at
        record["s3"]["bucket"]["name"] = self.bucket
        record["s3"]["object"] |= {"key": key.replace(" ", "+"), "sequencer": sequencer}
        return event

    def invoke(self, handler, event):
        return handler(event, SimpleNamespace(aws_request_id=secrets.token_hex(8), **CONTEXT))

    def ingest(self, event):
        (run,) = self.invoke(self.app.ingest, event)["runs"]
        return run

    def deliver(self):
        """What the event source mappings do, until the queues are empty; gives the failures."""
        failures = []
        while True:
            batches = self._receive(self.batches, 5)
            settlements = self._receive(self.settlements, 1)
            if not batches and not settlements:
                return failures
            if batches:
                answer = self.invoke(self.app.embed, {"Records": batches})
                failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
                failures += [record for record in batches if record["messageId"] in failed]
                self._delete(self.batches, [record for record in batches if record["messageId"] not in failed])
            if settlements:
                self.invoke(self.app.ingest, {"Records": settlements})
                self._delete(self.settlements, settlements)

    def _receive(self, queue, limit):
        found = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=limit, AttributeNames=["All"])
        return [
            {
                "eventSource": "aws:sqs",
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSourceARN": "arn:aws:sqs:ap-northeast-2:000000000000:queue",
                "awsRegion": "ap-northeast-2",
                "md5OfBody": message["MD5OfBody"],
            }
            for message in found.get("Messages", [])
        ]

    def _delete(self, queue, records):
        for record in records:
            self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=record["receiptHandle"])

    @property
    def live(self):
        snapshot = self.app.loop.run(bootstrap.snapshots().load())
        return set(snapshot.entries) if snapshot else set()

    def close(self):
        for client in (self.s3, self.sqs, self.dynamodb):
            client.close()


@pytest.fixture
def cloud(app, bucket, monkeypatch):
    made = [
        bootstrap.settings,
        bootstrap.ingest,
        bootstrap.snapshots,
        bootstrap.runs,
        bootstrap.pipeline,
        bootstrap.pipeline_queue,
        app._planned_uploads,
    ]
    for one in made:
        one.cache_clear()
    cloud = Cloud(app, bucket, monkeypatch)
    yield cloud
    cloud.close()
    for one in made:
        one.cache_clear()


def ids(entries):
    return {faq_id(entry["question"]) for entry in entries}


def test_an_upload_becomes_the_live_faq(cloud):
    run = cloud.ingest(cloud.upload("faq/내 FAQ.jsonl", ENTRIES))
    assert (run["status"], run["source"], run["added"]) == ("embedding", "faq/내 FAQ.jsonl", 40)
    assert cloud.deliver() == []
    assert cloud.live == ids(ENTRIES)
    (run,) = cloud.invoke(cloud.app.ingest, {"action": "status"})["runs"]
    assert (run["status"], run["pending"]) == ("live", 0)


def test_an_event_that_s3_delivers_again_is_not_planned_again(cloud):
    event = cloud.upload("faq/a.jsonl", ENTRIES)
    first = cloud.ingest(event)
    assert cloud.ingest(event) == first
    cloud.deliver()
    (run,) = cloud.invoke(cloud.app.ingest, {"action": "status"})["runs"]
    assert (run["status"], run["round"]) == ("live", 2)  # a round for questions, one for passages


def test_a_deleted_entry_is_gone_from_catalogue_and_index(cloud):
    cloud.ingest(cloud.upload("faq/a.jsonl", ENTRIES))
    cloud.deliver()
    run = cloud.ingest(cloud.upload("faq/a.jsonl", ENTRIES[1:], at="2026-11-23T00:31:00.000Z"))
    assert (run["removed"], run["unchanged"]) == (1, 39)
    assert cloud.deliver() == []
    assert cloud.live == ids(ENTRIES[1:])
    rows = cloud.vectors.collections[cloud.vectors.alias].values()
    assert {row.faq_id for row in rows if row.kind == "title"} == ids(ENTRIES[1:])


def test_only_the_poisoned_message_fails_and_it_comes_back_soon(cloud, caplog, capsys):
    cloud.ingest(cloud.upload("faq/a.jsonl", ENTRIES))
    cloud.sqs.send_message(QueueUrl=cloud.batches, MessageBody='{"run_id": "비밀"}')
    (failed,) = cloud.deliver()
    assert failed["body"] == '{"run_id": "비밀"}'
    assert cloud.live == ids(ENTRIES)
    (logged,) = [record for record in caplog.records if record.msg == "a message failed"]
    assert (logged.kind, logged.error) == ("ValidationError", "")
    assert not [record for record in caplog.records if "비밀" in repr(vars(record))]
    assert "FailedMessages" in capsys.readouterr().out
    waiting = cloud.sqs.get_queue_attributes(QueueUrl=cloud.batches, AttributeNames=["All"])["Attributes"]
    assert int(waiting["ApproximateNumberOfMessages"]) + int(waiting["ApproximateNumberOfMessagesNotVisible"]) == 1


def test_a_settlement_that_fails_is_raised_so_that_it_is_delivered_again(cloud):
    cloud.ingest(cloud.upload("faq/a.jsonl", ENTRIES))
    for record in cloud._receive(cloud.batches, 10):
        cloud.invoke(cloud.app.embed, {"Records": [record]})
    cloud.vectors.down = True
    with pytest.raises(Unavailable, match="vectors are down"):
        cloud.invoke(cloud.app.ingest, {"Records": cloud._receive(cloud.settlements, 1)})


def test_a_file_that_is_no_faq_is_refused_with_its_reason(cloud):
    cloud.s3.put_object(Bucket=cloud.bucket, Key="faq/evil.pkl", Body=b"cos\nsystem\n(S'true'\ntR.")
    run = cloud.ingest({"action": "ingest", "key": "faq/evil.pkl"})
    assert (run["status"], "not allowed" in run["error"]) == ("refused", True)
    assert cloud.ingest({"action": "ingest", "key": "faq/none.pkl"})["status"] == "refused"


def test_utterances_beside_the_file_are_taken_when_it_is_planned_again(cloud):
    cloud.ingest(cloud.upload("faq/a.jsonl", ENTRIES))
    cloud.deliver()
    line = {"faq_id": faq_id(ENTRIES[3]["question"]), "utterances": ["돈은 언제 들어와요"]}
    cloud.s3.put_object(Bucket=cloud.bucket, Key="utterances/utterances.jsonl", Body=json.dumps(line).encode())
    run = cloud.ingest({"action": "ingest"})
    assert (run["changed"], run["texts"]) == (1, 1)
    cloud.deliver()
    assert "돈은 언제 들어와요" in cloud.embedder.embedded


@pytest.mark.parametrize(
    "event", [{}, {"action": "delete"}, {"Records": []}, {"Records": [{"eventSource": "aws:sns"}]}]
)
def test_an_event_that_is_none_of_ours_is_an_error(cloud, event):
    with pytest.raises(ValueError, match="expected an S3 or SQS event"):
        cloud.ingest(event)


@pytest.mark.parametrize("busy_for", [0, 2, 100])
def test_an_upload_that_is_told_again_while_it_is_planned_waits_for_that_plan(app, monkeypatch, busy_for):
    monkeypatch.setattr(app, "REPEAT_PAUSE_S", 0)
    asked = []

    def plan(upload):
        asked.append(upload)
        if len(asked) <= busy_for:
            raise IdempotencyAlreadyInProgressError("another invocation is at it")
        return {"run_id": upload["upload_id"]}

    upload = Upload(upload_id="1", key="faq/a.jsonl")
    if busy_for < app.REPEAT_TRIES:
        assert app._once(plan, upload) == {"run_id": "1"}
    else:
        with pytest.raises(IdempotencyAlreadyInProgressError):
            app._once(plan, upload)
    assert len(asked) == min(busy_for + 1, app.REPEAT_TRIES)
