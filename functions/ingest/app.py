"""The ingest functions: an event in, one step of the pipeline, where the run stands out.

`ingest` plans what S3 or an operator names, and settles what the publication queue delivers, one at a time; `embed`
works off batches, each of which fails alone.
"""

import asyncio
import hashlib
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

from faqchat import bootstrap
from faqchat.errors import FaqChatError
from faqchat.runs import Batch, Run, Settlement, Upload, upload_id

SHOWN = 5  # runs in an answer to `status`
ONCE_S = 3_600  # an upload that S3 tells of again within the hour is not planned again
# S3 tells of an upload twice at nearly the same moment; the second waits so often for the first, then fails, and Lambda
# calls it again after minutes.
REPEAT_TRIES, REPEAT_PAUSE_S = 20, 1.0
# What failed is tried again soon, not after the visibility timeout, which is as long as the longest step.
FIRST_RETRY_S, LAST_RETRY_S = 5, 300

Shown = dict[str, Any]
_Result = TypeVar("_Result")

warnings.filterwarnings("ignore", "No application metrics to publish")  # an answer to `status` has none

logger = Logger()
metrics = Metrics(namespace="FaqChat")
tracer = Tracer()
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
loop = asyncio.Runner()  # one for all events of this process: connections live as long as their loop


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False)
def ingest(event: Mapping[str, Any], context: LambdaContext) -> Shown:
    """S3 and direct events begin a run, messages of the publication queue settle one."""
    match event:
        case {"Records": [{"eventSource": "aws:s3"}, *_] as records}:
            config = IdempotencyConfig(expires_after_seconds=ONCE_S, event_key_jmespath="upload_id")
            config.register_lambda_context(context)
            plan = idempotent_function(
                _planned, data_keyword_argument="upload", persistence_store=_planned_uploads(), config=config
            )
            return {"runs": [_once(plan, _uploaded(record)) for record in records]}
        case {"Records": [{"eventSource": "aws:sqs"}, *_] as records}:
            return {"runs": [_settled(SQSRecord(record)) for record in records]}
        case {"action": "ingest", "key": str(key)}:
            return {"runs": [_planned({"upload_id": _wish(context), "key": key})]}
        case {"action": "ingest"}:
            return {"runs": [_told(loop.run(bootstrap.pipeline().again(_wish(context))))]}
        case {"action": "status"}:
            return {"runs": [run.as_json() for run in loop.run(bootstrap.pipeline().latest(SHOWN))]}
    raise ValueError('expected an S3 or SQS event, or {"action": "ingest" or "status", "key": "faq/…"}')


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False)
def embed(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Embed batches; those that fail are reported, delivered again, and end in the dead letters."""
    return process_partial_response(event, _embedded, processor, context)


def _once(plan: Callable[..., Shown], upload: Upload) -> Shown:
    """The plan of an upload, also where another invocation is still at it."""
    for _ in range(REPEAT_TRIES - 1):
        try:
            return plan(upload=upload.model_dump())
        except IdempotencyAlreadyInProgressError:
            time.sleep(REPEAT_PAUSE_S)
    return plan(upload=upload.model_dump())


def _planned(upload: dict[str, str]) -> Shown:
    return _told(loop.run(bootstrap.pipeline().begin(Upload.model_validate(upload))))


def _settled(record: SQSRecord) -> Shown:
    def settle() -> Shown:
        return _told(loop.run(bootstrap.pipeline().settle(Settlement.model_validate_json(record.body))))

    return _or_soon_again(record, bootstrap.settings().publish_queue_url, settle)


def _embedded(record: SQSRecord) -> None:
    def embed_batch() -> None:
        batch = Batch.model_validate_json(record.body)
        loop.run(bootstrap.pipeline().embed(batch))
        metrics.add_metric("EmbeddedTexts", MetricUnit.Count, len(batch.rows))
        logger.info("batch embedded", run=batch.run_id, round=batch.round, batch=batch.number)

    _or_soon_again(record, bootstrap.settings().batch_queue_url, embed_batch)


def _or_soon_again(record: SQSRecord, queue_url: str, work: Callable[[], _Result]) -> _Result:
    """The result of `work`; where it fails, the message is delivered again sooner than its queue would."""
    try:
        return work()
    except Exception as error:
        received = int(record.attributes.approximate_receive_count)
        # what an unknown error says may quote the message
        says = str(error) if isinstance(error, FaqChatError) else ""
        logger.error(
            "a message failed", message_id=record.message_id, received=received, kind=type(error).__name__, error=says
        )
        metrics.add_metric("FailedMessages", MetricUnit.Count, 1)
        pause_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** (received - 1))
        loop.run(bootstrap.pipeline_queue().deliver_again(queue_url, record.receipt_handle, pause_s))
        raise


def _told(run: Run) -> Shown:
    shown = run.as_json()
    logger.info("run", **shown)
    return shown


def _uploaded(record: Mapping[str, Any]) -> Upload:
    """The upload that an S3 record tells of; told again, it has the same id."""
    found = record["s3"]["object"]
    name = hashlib.sha256(f"{record['s3']['bucket']['name']}/{found['key']}".encode()).hexdigest()[:8]
    sequence = f"{found.get('sequencer', '').zfill(20)}-{name}"
    at = datetime.fromisoformat(record["eventTime"])
    return Upload(upload_id=upload_id(at, sequence), key=unquote_plus(found["key"]))


def _wish(context: LambdaContext) -> str:
    """The id of what an operator asks for now."""
    return upload_id(datetime.now(UTC), context.aws_request_id)


@cache
def _planned_uploads() -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(table_name=bootstrap.settings().idempotency_table)
