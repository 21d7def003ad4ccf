"""What operators see of turns: a line and metrics each, in time, without a word of what was said."""

import asyncio
import io
import json
import os
import subprocess
import sys
from contextlib import aclosing, suppress

import pytest
from aws_lambda_powertools.metrics.provider import cold_start

from faqchat.adapters import telemetry
from faqchat.adapters.correlation import Correlation
from faqchat.conversation import new_session_id
from faqchat.errors import Busy, InvalidRequest, NotFound
from faqchat.events import ChatRequest, Delta, Done, Problem, Source, Sources, Start, Usage
from local.layout import ROOT
from tests.fakes import ScriptedModel, World

IDS = Correlation("request-1", "invocation-1")
SECRET = "제 사업자번호는 비밀입니다"
SESSION = new_session_id()
SOURCE = Source(faq_id="0" * 12, question=SECRET, score=1.0, excerpt=SECRET)
PROBLEM = Problem(type="about:blank", title="Unavailable", status=503, detail=SECRET, trace_id="0")


class CurrentStdout:
    """Pytest exchanges `sys.stdout` between a fixture and its test."""

    def write(self, text):
        sys.stdout.write(text)

    def flush(self):
        sys.stdout.flush()


@pytest.fixture(autouse=True)
def _warm(monkeypatch):
    monkeypatch.setattr(cold_start, "is_cold_start", False)


@pytest.fixture
def told(capsys, monkeypatch):
    """All that was told so far, and not read yet: log lines, and metrics as EMF."""
    monkeypatch.setattr(telemetry.logger.handlers[0], "stream", CurrentStdout())
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def lines(told):
    return [one for one in told if "_aws" not in one]


def measured(told):
    """The values of all metrics by name."""
    return {
        metric["Name"]: one[metric["Name"]]
        for one in told
        if "_aws" in one
        for metric in one["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }


async def turn(*events, session_id=SESSION, turn_id="t1", model="scripted"):
    yield Start(session_id=session_id, turn_id=turn_id, model=model)
    for event in events:
        await asyncio.sleep(0)
        if isinstance(event, Exception):
            raise event
        yield event


async def played(events, ids=IDS):
    return [event async for event in telemetry.observed(events, ids)]


def well(outcome="answered", sources=(SOURCE,), **figures):
    return turn(Sources(sources=sources), Delta(text=SECRET), Done(outcome=outcome, **figures))


async def test_a_turn_is_one_line(told):
    usage = Usage(prompt_tokens=900, cached_tokens=512, completion_tokens=40)
    done = {"degraded": ("model",), "usage": usage, "cost_usd": 0.0005, "timings_ms": {"search": 12.5, "total": 40.0}}
    events = await played(well(**done))
    assert [event.type for event in events] == ["start", "sources", "delta", "done"]
    (line,) = lines(told())
    assert line.pop("timings_ms").keys() == {"FirstEvent", "Sources", "Answer", "search", "total"}
    assert {name: line[name] for name in line.keys() - {"location", "timestamp", "taskName"}} == {
        "level": "INFO",
        "message": "turn",
        "service": "faqchat",
        "correlation_id": "request-1",
        "function_request_id": "invocation-1",
        "session": telemetry.id_hash(SESSION),
        "turn": telemetry.id_hash("t1"),
        "model": "scripted",
        "outcome": "answered",
        "degraded": ["model"],
        "tokens": {"prompt_tokens": 900, "cached_tokens": 512, "completion_tokens": 40},
        "cost_usd": 0.0005,
    }


async def test_its_metrics_are_those_of_the_service_and_turns_are_counted_by_outcome(told):
    usage = Usage(prompt_tokens=900, cached_tokens=512, completion_tokens=40)
    await played(well(usage=usage, cost_usd=0.0005))
    metrics, turns = (one for one in told() if "_aws" in one)
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"], metrics["service"]) == (
        "FaqChat",
        [["service"]],
        "faqchat",
    )
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {
        "FirstEvent": "Milliseconds",
        "Sources": "Milliseconds",
        "Answer": "Milliseconds",
        "Degraded": "Count",
        "Declined": "Count",
        "NoHit": "Count",
        "PromptTokens": "Count",
        "CachedTokens": "Count",
        "CompletionTokens": "Count",
        "CostUsd": "None",
    }
    counted = [metrics[name] for name in ("Degraded", "Declined", "NoHit", "PromptTokens", "CostUsd")]
    assert counted == [[0.0], [0.0], [0.0], [900.0], [0.0005]]
    (directive,) = turns["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"], ["service", "outcome"]]
    assert (turns["outcome"], turns["Turns"]) == ("answered", [1.0])


@pytest.mark.parametrize(
    ("outcome", "sources", "declined", "no_hit"),
    [
        ("answered", (SOURCE,), 0, 0),
        ("answered", (), 0, 1),
        ("declined", (), 1, 1),
        ("declined", (SOURCE,), 1, 1),  # by the model, which had sources
        ("clarify", (), 0, 1),
        ("greeting", (), 0, 0),
    ],
)
async def test_what_the_faq_has_no_answer_to_is_counted(told, outcome, sources, declined, no_hit):
    await played(well(outcome, sources))
    values = measured(told())
    assert (values["Declined"], values["NoHit"]) == ([declined], [no_hit])


async def test_tokens_are_counted_only_where_a_model_was_asked(told):
    await played(well(degraded=("embeddings",)))
    values = measured(told())
    assert values["Degraded"] == [1.0]
    assert not values.keys() & {"PromptTokens", "CachedTokens", "CompletionTokens", "CostUsd"}


async def test_the_cold_start_is_counted_once(told, monkeypatch):
    monkeypatch.setattr(cold_start, "is_cold_start", True)
    await played(well())
    assert measured(told())["ColdStart"] == [1.0]
    await played(well())
    assert "ColdStart" not in measured(told())


class Pipe(io.RawIOBase):
    """What has left the process; what stdout still buffers has not."""

    out = b""

    def writable(self):
        return True

    def write(self, piece):
        self.out += bytes(piece)
        return len(piece)


async def test_all_is_out_before_the_last_event_goes_on(monkeypatch):
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(pipe)))
    monkeypatch.setattr(telemetry.logger.handlers[0], "stream", sys.stdout)
    async with aclosing(telemetry.observed(well(), IDS)) as events:
        async for event in events:
            if isinstance(event, Done):
                break
            assert pipe.out == b""
        told = [json.loads(line) for line in pipe.out.splitlines()]
    assert len(lines(told)) == 1
    assert {"Turns", "Answer"} <= measured(told).keys()


async def test_turns_at_the_same_time_do_not_mix(told):
    figures = {f"t{n}": Usage(prompt_tokens=n, completion_tokens=1) for n in range(1, 101)}
    await asyncio.gather(
        *(
            played(
                turn(
                    *[Delta(text="가")] * (usage.prompt_tokens % 7), Done(outcome="answered", usage=usage), turn_id=name
                ),
                Correlation(f"request-{name}"),
            )
            for name, usage in figures.items()
        )
    )
    all_told = told()
    assert {line["turn"]: line["tokens"]["prompt_tokens"] for line in lines(all_told)} == {
        telemetry.id_hash(name): usage.prompt_tokens for name, usage in figures.items()
    }
    requests = {telemetry.id_hash(name): f"request-{name}" for name in figures}
    assert all(line["correlation_id"] == requests[line["turn"]] for line in lines(all_told))
    counted = [one["PromptTokens"] for one in all_told if "PromptTokens" in one]
    assert sorted(counted) == [[float(n)] for n in range(1, 101)], "one value a turn, none lost"


async def test_a_client_that_leaves_is_told_at_once(told):
    events = telemetry.observed(turn(Delta(text=SECRET), Done(outcome="answered")), IDS)
    await anext(events)
    await events.aclose()
    all_told = told()
    (line,) = lines(all_told)
    assert (line["outcome"], line["turn"]) == ("cancelled", telemetry.id_hash("t1"))
    assert "tokens" not in line, "nobody knows them"
    assert all_told[-1]["outcome"] == "cancelled"


async def test_a_turn_that_is_cancelled_while_it_waits_is_told(told):
    async def endless():
        yield Start(session_id=SESSION, turn_id="t1", model="scripted")
        await asyncio.sleep(3_600)

    task = asyncio.create_task(played(endless()))
    await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert [line["outcome"] for line in lines(told())] == ["cancelled"]


async def test_a_client_that_leaves_after_the_last_event_changes_nothing(told):
    events = telemetry.observed(well(), IDS)
    while not isinstance(await anext(events), Done):
        pass
    await events.aclose()
    assert [line["outcome"] for line in lines(told())] == ["answered"]


@pytest.mark.parametrize(
    ("ending", "error"),
    [(PROBLEM, "Unavailable"), (ValueError(SECRET), "ValueError"), (Busy("slow down"), "Busy")],
)
async def test_a_turn_that_fails_is_told_with_the_kind_of_its_error(told, ending, error):
    with suppress(ValueError, Busy):
        await played(turn(Delta(text=SECRET), ending))
    all_told = told()
    (line,) = lines(all_told)
    assert (line["outcome"], line["error"], line["correlation_id"]) == ("failed", error, "request-1")
    assert all_told[-1]["outcome"] == "failed"
    assert SECRET not in json.dumps(all_told, ensure_ascii=False)


async def refusing(error):
    raise error
    yield


async def test_a_turn_that_cannot_begin_has_failed_and_a_refused_request_is_no_turn(told):
    for error in (InvalidRequest("질문을 입력해 주세요."), NotFound("session")):
        with pytest.raises(type(error)):
            await played(refusing(error))
    assert told() == []
    with pytest.raises(Busy):
        await played(refusing(Busy("s3")))
    (line,) = lines(told())
    assert (line["outcome"], line["error"]) == ("failed", "Busy")
    assert "session" not in line


async def test_neither_text_nor_the_session_id_is_told(told):
    world = await World(ScriptedModel(f"{SECRET} 구매확정 다음 영업일에 정산됩니다.")).ingested()
    for message in (SECRET, "정산은 언제 되나요", "날씨"):
        events = await played(world.chat.stream(ChatRequest(message=message)))
        said = json.dumps(all_told := told(), ensure_ascii=False)
        assert events[0].session_id not in said
        assert lines(all_told)[0]["session"] == telemetry.id_hash(events[0].session_id)
        for word in ("사업자", "정산", "날씨", "스마트"):
            assert word not in said


async def test_metrics_can_be_switched_off_as_powertools_does_it(told, monkeypatch):
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    await played(well())
    assert [one["message"] for one in told()] == ["turn"]


def test_a_failure_says_where_and_never_what_an_unknown_error_says(told):
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        telemetry.failed(error, "request-1")
    telemetry.failed(Busy("dynamodb asked us to slow down"), "request-2")
    ours, known = told()
    assert ours["level"] == "ERROR"
    assert (ours["correlation_id"], ours["kind"], ours["error"]) == ("request-1", "ValueError", "")
    assert "test_telemetry.py" in ours["where"][-1]
    assert (known["kind"], known["error"]) == ("Busy", "dynamodb asked us to slow down")
    assert SECRET not in json.dumps(ours, ensure_ascii=False)


def test_the_trace_is_adopted_in_lambda_only(monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "")
    telemetry.adopt_trace(Correlation("r", trace_header="Root=1-a;Sampled=1"))
    assert os.environ["_X_AMZN_TRACE_ID"] == ""
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    telemetry.adopt_trace(Correlation("r"))
    assert os.environ["_X_AMZN_TRACE_ID"] == "", "the runtime's own stays"
    telemetry.adopt_trace(Correlation("r", trace_header="Root=1-a;Sampled=1"))
    assert os.environ["_X_AMZN_TRACE_ID"] == "Root=1-a;Sampled=1"
    telemetry.adopt_trace(Correlation("r", trace_header=""))
    assert os.environ["_X_AMZN_TRACE_ID"] == "", "an earlier request's is no longer told"


def test_the_app_is_imported_without_what_only_some_turns_need():
    heavy = ("aws_xray_sdk", "boto3", "mangum", "aws_lambda_powertools.utilities.parameters")
    code = f"import sys, functions.chat.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
