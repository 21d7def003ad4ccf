"""The pipeline's queues: batches in a standard queue, settlements in a FIFO queue of one message group.

A message group is delivered one message at a time, so settlements never overlap.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from faqchat.adapters.aws import AwsService
from faqchat.errors import Unavailable
from faqchat.runs import SWEEP, Batch, Settlement

MESSAGES = 10  # what SendMessageBatch takes
REQUEST_BYTES = 240_000  # of the 256 KB that every SQS takes
TRIES = 3
GROUP = "index"


class SqsPipelineQueue:
    """A `PipelineQueue`."""

    def __init__(self, batch_queue_url: str, publish_queue_url: str) -> None:
        self._batch_queue_url = batch_queue_url
        self._publish_queue_url = publish_queue_url
        self._sqs = AwsService("sqs")

    async def embed(self, batches: Iterable[Batch]) -> None:
        """Send batches, as many a request as fit."""
        await self._sqs.run(lambda sqs: self._send_all(sqs, batches))

    async def settle(self, settlement: Settlement) -> None:
        """Send a settlement; that of a round, sent again within five minutes, is the same message."""
        once = uuid4().hex if settlement.round == SWEEP else f"{settlement.run_id}-{settlement.round}"
        await self._sqs.run(
            lambda sqs: sqs.send_message(
                QueueUrl=self._publish_queue_url,
                MessageBody=settlement.model_dump_json(),
                MessageGroupId=GROUP,
                MessageDeduplicationId=once,
            )
        )

    async def deliver_again(self, queue_url: str, receipt_handle: str, pause_s: int) -> None:
        """Have a message that failed delivered again after a pause, instead of after its queue's visibility timeout."""
        await self._sqs.run(
            lambda sqs: sqs.change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=pause_s
            )
        )

    def _send_all(self, sqs: Any, batches: Iterable[Batch]) -> None:
        for bodies in _requests(batches):
            left = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
            for _ in range(TRIES):
                answer = sqs.send_message_batch(QueueUrl=self._batch_queue_url, Entries=left)
                failed = {entry["Id"] for entry in answer.get("Failed", ())}
                left = [entry for entry in left if entry["Id"] in failed]
                if not left:
                    break
            else:
                raise Unavailable(f"sqs did not take {len(left)} of {len(bodies)} batches")


def _requests(batches: Iterable[BaseModel]) -> Iterator[list[str]]:
    bodies: list[str] = []
    size = 0
    for batch in batches:
        body = batch.model_dump_json()
        body_bytes = len(body.encode())
        if bodies and (len(bodies) == MESSAGES or size + body_bytes > REQUEST_BYTES):
            yield bodies
            bodies, size = [], 0
        bodies.append(body)
        size += body_bytes
    if bodies:
        yield bodies
