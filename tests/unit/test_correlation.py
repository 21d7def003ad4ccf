"""Which request it is, by the doors' own ways of telling it; what is malformed is passed over."""

import json
from types import SimpleNamespace

import pytest

from faqchat.adapters.correlation import Correlation, correlate

TRACE = "Root=1-6921c2f0-5a3b2c1d4e5f60718293a4b5;Parent=53995c3f42cd8ad8;Sampled=1"
GATEWAY_ID = "JKJaXmPLvHcESHA="
INVOCATION_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def asked(aws=None, **headers):
    names = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return correlate({"headers": list(names.items()), **(aws or {})})


def test_the_web_adapter_tells_all_in_headers():
    found = asked(
        x_amzn_request_context=json.dumps({"requestId": GATEWAY_ID}),
        x_amzn_lambda_context=json.dumps({"request_id": INVOCATION_ID, "xray_trace_id": TRACE}),
        x_request_id="the-caller-s",
    )
    assert found == Correlation(GATEWAY_ID, INVOCATION_ID, TRACE)


def test_the_trace_may_come_in_its_own_header():
    lambda_context = json.dumps({"request_id": INVOCATION_ID, "xray_trace_id": None})
    assert asked(x_amzn_lambda_context=lambda_context, x_amzn_trace_id=TRACE).trace_header == TRACE


def test_mangum_hands_over_the_event_whatever_headers_claim():
    aws = {
        "aws.event": {"requestContext": {"requestId": GATEWAY_ID}},
        "aws.context": SimpleNamespace(aws_request_id=INVOCATION_ID),
    }
    found = asked(aws, x_amzn_request_context='{"requestId": "forged"}', x_amzn_trace_id=TRACE)
    assert found == Correlation(GATEWAY_ID, INVOCATION_ID, None), "the runtime has set the trace itself"


def test_an_invocation_without_a_gateway_is_named_by_its_own_id():
    assert asked(x_amzn_lambda_context=json.dumps({"request_id": INVOCATION_ID})).request_id == INVOCATION_ID
    assert asked({"aws.event": {"requestContext": None}, "aws.context": None}, x_request_id="a1").request_id == "a1"


@pytest.mark.parametrize("given", ["a", "A-1_b.2:c/d+e=", "x" * 128])
def test_a_caller_may_name_the_request(given):
    assert asked(x_request_id=given) == Correlation(given, "", "")


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\nb", 'a"b', "한", "<script>", "a,b"])
def test_what_is_malformed_is_replaced(given):
    found = asked(x_request_id=given).request_id
    assert found != given
    assert len(found) == 32


@pytest.mark.parametrize("given", ["{", "null", "[]", '"text"', "7", '{"requestId": 7}', "[" * 10_000, "\x00", "é"])
def test_contexts_that_are_not_what_they_should_be_break_nothing(given):
    found = asked(x_amzn_request_context=given, x_amzn_lambda_context=given, x_request_id="kept")
    assert found == Correlation("kept", "", "")
    assert asked({"aws.event": {"requestContext": given}}, x_request_id="kept").request_id == "kept"


@pytest.mark.parametrize(
    "given", ["Root=1\nSampled=1", "x" * 513, "Root=1 Sampled=1", "한", "Sampled=1", "Root=1;Sampled"]
)
def test_a_malformed_trace_is_none(given):
    assert asked(x_amzn_trace_id=given).trace_header == ""
