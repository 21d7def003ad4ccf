"""A run of 50,000 entries, planned and settled in this process: how long each step takes, and how much memory.

    python -m tests.integration.large_run

Real: the file's format, cleaning, the catalogue in S3, the run in DynamoDB, the batches in SQS (all three by moto).
The index knows which rows it holds, and nothing else: embedding is the other function's work.
"""

import asyncio
import json
import os
import resource
import time

import boto3
from moto import mock_aws

from faqchat.adapters.keyword_file import KeywordFile
from faqchat.adapters.runs_table import DynamoRuns
from faqchat.adapters.s3 import S3Snapshots
from faqchat.adapters.sqs import SqsPipelineQueue
from faqchat.adapters.uploads import S3Uploads
from faqchat.ingest import STAGES, Ingest
from faqchat.pipeline import Pipeline
from faqchat.runs import Settlement, Upload
from faqchat.scope import scope_banks
from faqchat.tokens import tokens
from tests.fakes import FakeEmbedder
from tests.integration.tables import create_table

ENTRIES = 50_000
REGION = "ap-northeast-2"
# As many characters as the real answers have on average, and two links to others.
ANSWER = "정산 예정일은 {n}번 항목의 기준에 따라 영업일로 셉니다. [정산관리 > 정산 내역]에서 확인해 주세요. " * 5


def faq_lines() -> str:
    return "\n".join(
        json.dumps(
            {
                "question": f"[분류{n % 115}] {n}번 상품의 정산 예정일은 어떻게 계산되고 어디서 확인하나요?",
                "answer": ANSWER.format(n=n),
                "related": [
                    f"[분류{m % 115}] {m}번 상품의 정산 예정일은 어떻게 계산되고 어디서 확인하나요?"
                    for m in (n + 1, n + 7)
                ],
            },
            ensure_ascii=False,
        )
        for n in range(ENTRIES)
    )


class StoredRows:
    """Which rows an index holds."""

    def __init__(self) -> None:
        self.rows: set[str] = set()
        self.live = ""

    async def open(self, collection, fingerprint):
        pass

    async def row_ids(self, collection):
        return set(self.rows)

    async def delete(self, collection, row_ids):
        self.rows -= set(row_ids)

    async def publish(self, collection):
        self.live = collection


async def run() -> dict[str, float]:
    clients = {name: boto3.client(name) for name in ("s3", "sqs", "dynamodb")}
    clients["s3"].create_bucket(Bucket="faq", CreateBucketConfiguration={"LocationConstraint": REGION})
    clients["s3"].put_object(Bucket="faq", Key="faq/large.jsonl", Body=faq_lines().encode())
    create_table(clients["dynamodb"], "ingest", "kind", "run_id")
    urls = [
        clients["sqs"].create_queue(QueueName="batches")["QueueUrl"],
        clients["sqs"].create_queue(QueueName="publish.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"],
    ]
    index, snapshots, runs = StoredRows(), S3Snapshots("faq", KeywordFile(tokens, lambda _: [])), DynamoRuns("ingest")
    ingest = Ingest(FakeEmbedder(), index, snapshots, scope_banks(), batch=64)
    queue = SqsPipelineQueue(*urls)
    sent = []
    embed = queue.embed

    async def watched(batches):
        kept = list(batches)
        sent.append(kept)
        await embed(kept)

    queue.embed = watched
    pipeline = Pipeline(ingest, S3Uploads("faq"), runs, queue)
    figures = {}

    began = time.monotonic()
    planned = await pipeline.begin(Upload(upload_id="0001", key="faq/large.jsonl"))
    figures["plan_s"] = time.monotonic() - began
    for number in range(len(STAGES)):
        for batch in sent[number]:
            index.rows |= {row.row_id for row in batch.rows}
        began = time.monotonic()
        settled = await pipeline.settle(Settlement(run_id="0001", round=number + 1))
        figures[f"settle_{number + 1}_s"] = time.monotonic() - began
    live = await snapshots.published()
    return figures | {
        "entries": live.entries,
        "batches": sum(map(len, sent)),
        "texts": len(index.rows),
        "first_round_texts": planned.texts,
        "live": settled.status == "live",
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    os.environ |= {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    with mock_aws():
        print(json.dumps(asyncio.run(run())))
