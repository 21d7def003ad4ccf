"""What operators see of a turn: one line of JSON, its metrics, and a subsegment in X-Ray, by AWS Lambda Powertools.

All of it is out before the turn's last event: once that has gone, Lambda may freeze the process. Nothing here holds
what was asked, searched or answered, and sessions and turns appear as hashes: an id is all it takes to read one.
A turn keeps its own state, so that hundreds of them in one process do not mix.
"""

import asyncio
import hashlib
import os
import sys
import time
import traceback
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.provider import cold_start

from faqchat.adapters.correlation import Correlation
from faqchat.errors import FaqChatError, Unavailable
from faqchat.events import Done, Event, Problem, Sources, Start, Usage

NAMESPACE = "FaqChat"
SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "faqchat")
LAMBDA_ROOT = "LAMBDA_TASK_ROOT"  # the runtime's own variable, by which Powertools knows Lambda
TRACE_VARIABLE = "_X_AMZN_TRACE_ID"  # where the X-Ray SDK, boto3 and Powertools look for the trace

logger = Logger(service=SERVICE)


async def observed(events: AsyncGenerator[Event, None], correlation: Correlation) -> AsyncGenerator[Event, None]:
    """A turn's events as they come, told to the operators before the last of them goes on, or when it breaks off."""
    turn = _Turn(correlation)
    try:
        async with aclosing(events):
            async for event in events:
                turn.add(event)
                yield event
    except (asyncio.CancelledError, GeneratorExit):
        turn.end("cancelled")
        raise
    except FaqChatError as error:
        if isinstance(error, Unavailable):  # the others refuse a request, and no turn has begun
            turn.end("failed", type(error).__name__)
        raise
    except Exception as error:
        turn.end("failed", type(error).__name__)
        raise


def failed(error: Exception, request_id: str) -> None:
    """Log what went wrong, and where; what an unknown error says may quote the message, so it stays out."""
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    said = str(error) if isinstance(error, FaqChatError) else ""
    logger.error("failed", correlation_id=request_id, kind=type(error).__name__, error=said, where=where)


def adopt_trace(correlation: Correlation) -> None:
    """Behind the Web Adapter, tell the X-Ray SDK and boto3 which trace this is; Lambda sends one request at a time."""
    if correlation.trace_header is not None and LAMBDA_ROOT in os.environ:
        os.environ[TRACE_VARIABLE] = correlation.trace_header


class _Turn:
    """What is known of one turn so far."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._began = time.perf_counter()
        self._began_at = time.time()
        self._start: Start | None = None
        self._shown = 0  # sources
        self._reached: dict[str, float] = {}  # milliseconds
        self._ended = False

    def add(self, event: Event) -> None:
        """Note an event; the last one ends the turn."""
        self._reach("FirstEvent")
        match event:
            case Start():
                self._start = event
            case Sources():
                self._shown = len(event.sources)
                self._reach("Sources")
            case Done():
                self._reach("Answer")
                self.end(event.outcome, done=event)
            case Problem():
                self.end("failed", event.title)

    def end(self, outcome: str, error: str = "", done: Done | None = None) -> None:
        """Tell the turn, once."""
        if self._ended:
            return
        self._ended = True
        told: dict[str, Any] = {"outcome": outcome} | ({"error": error} if error else {})
        logger.info("turn", extra=told | self._identity() | self._figures(done))
        self._measure(outcome, done)
        sys.stdout.flush()  # a pipe is written in blocks, and the process may be frozen from here on
        if LAMBDA_ROOT in os.environ and "Sampled=1" in os.environ.get(TRACE_VARIABLE, ""):
            model = self._start.model if self._start else ""
            _trace(self._began_at, outcome=outcome, degraded=",".join(done.degraded if done else ()), model=model)

    def _reach(self, stage: str) -> None:
        self._reached.setdefault(stage, round((time.perf_counter() - self._began) * 1_000, 1))

    def _identity(self) -> dict[str, str]:
        identity = {"correlation_id": self._correlation.request_id}
        if self._correlation.invocation_id:
            identity["function_request_id"] = self._correlation.invocation_id
        if self._start:
            identity |= {
                "session": id_hash(self._start.session_id),
                "turn": id_hash(self._start.turn_id),
                "model": self._start.model,
            }
        return identity

    def _figures(self, done: Done | None) -> dict[str, Any]:
        """What the turn took; tokens and cost of one that did not end well are not known."""
        if done is None:
            return {"timings_ms": self._reached}
        return {
            "degraded": done.degraded,
            "timings_ms": self._reached | done.timings_ms,
            "tokens": done.usage.model_dump(),
            "cost_usd": done.cost_usd,
        }

    def _measure(self, outcome: str, done: Done | None) -> None:
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)  # of this turn alone
        for stage, elapsed_ms in self._reached.items():
            metrics.add_metric(stage, MetricUnit.Milliseconds, elapsed_ms)
        # 0 or 1 a turn: the sum counts them, the average is their share
        metrics.add_metric("Degraded", MetricUnit.Count, bool(done and done.degraded))
        metrics.add_metric("Declined", MetricUnit.Count, outcome == "declined")
        metrics.add_metric("NoHit", MetricUnit.Count, self._no_hit(outcome))
        if done and done.usage != Usage():  # otherwise no model was asked
            metrics.add_metric("PromptTokens", MetricUnit.Count, done.usage.prompt_tokens)
            metrics.add_metric("CachedTokens", MetricUnit.Count, done.usage.cached_tokens)
            metrics.add_metric("CompletionTokens", MetricUnit.Count, done.usage.completion_tokens)
            metrics.add_metric("CostUsd", MetricUnit.NoUnit, done.cost_usd)
        if cold_start.is_cold_start:
            cold_start.is_cold_start = False
            metrics.add_metric("ColdStart", MetricUnit.Count, 1)
        metrics.flush_metrics()

        turns = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        turns.add_dimensions(service=SERVICE, outcome=outcome)  # beside `service` alone, which sums them
        turns.add_metric("Turns", MetricUnit.Count, 1)
        turns.flush_metrics()

    def _no_hit(self, outcome: str) -> bool:
        """Whether the FAQ had no answer: the question was declined or asked back, or no source was shown."""
        return outcome in ("declined", "clarify") or (outcome == "answered" and not self._shown)


def id_hash(secret_id: str) -> str:
    """The name of a session or turn in the logs."""
    return hashlib.sha256(secret_id.encode()).hexdigest()[:12]


def _trace(began_at: float, **annotations: str) -> None:
    """Record the turn in X-Ray when it is over: begun and ended at once, it cannot take in another turn's."""
    with _tracer().provider.in_subsegment("turn") as subsegment:
        subsegment.start_time = began_at
        for name, value in annotations.items():
            subsegment.put_annotation(name, value)


@cache
def _tracer() -> Any:
    return Tracer(service=SERVICE, auto_patch=False)  # imports the X-Ray SDK, which takes 0.3 s
