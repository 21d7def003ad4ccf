"""The client of the stream against a stand-in for a Function URL, which checks signatures and misbehaves."""

import hashlib
import json
import time

import httpx
import pytest

from local import terminal
from local.client import CannotSign, RequestFailed, SigV4, ask, connect
from tests.function_url import DONE, EVENTS, KEY, MISMATCH, REGION, SECRET, TOKEN, FunctionURL

EMPTY = hashlib.sha256(b"").hexdigest()
QUESTION = "반품 배송비는 누가 내나요?"


@pytest.fixture
def function_url():
    with FunctionURL() as url:
        yield url


@pytest.fixture(autouse=True)
def _own_aws(monkeypatch, tmp_path):
    """Nobody's profile, key or instance role."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)


@pytest.fixture
def signed(function_url):
    """A client that signs, of a URL that lets nothing else in."""
    function_url.signed_only = True
    with connect(function_url.url, aws_iam=True) as client:
        yield client


@pytest.fixture
def plain(function_url):
    with connect(function_url.url) as client:
        yield client


def failure(client: httpx.Client) -> str:
    """What a turn that fails says."""
    with pytest.raises(RequestFailed) as failed:
        list(ask(client, QUESTION, None))
    return str(failed.value)


def test_a_signed_question_is_let_in_and_its_first_words_arrive_before_its_last_are_written(function_url, signed):
    function_url.gate.clear()
    turn = ask(signed, QUESTION, None)
    assert [next(turn) for _ in EVENTS] == [*EVENTS]
    function_url.gate.set()
    assert list(turn) == [DONE]
    (request,) = function_url.requests
    assert (request.path, json.loads(request.body)["message"]) == ("/v1/chat/stream", QUESTION)


def test_what_is_signed_is_what_arrives_a_query_in_any_spelling_included(function_url, signed):
    for query in ("q=반품 배송비&empty=&q=가%2F나", "b=2&a=%7e*1&a=1", ""):
        assert signed.get(f"/v1/faq/4e2f3d7582a9?{query}", headers={"x-amz-content-sha256": EMPTY}).status_code == 200
    request = function_url.requests[0]
    assert function_url.refusal(request) == ""
    assert MISMATCH in function_url.refusal(request._replace(path=request.path.replace("empty=", "empty=1")))
    assert MISMATCH in function_url.refusal(request._replace(method="DELETE"))
    assert "not the one" in function_url.refusal(request._replace(body=b"{}"))


def test_a_wrong_key_is_refused_and_no_secret_is_told(function_url, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET.lower())
    function_url.signed_only = True
    with connect(function_url.url, aws_iam=True) as client:
        said = failure(client)
    assert said.startswith(f"{MISMATCH} (HTTP 403): the credentials may have expired, lack lambda:InvokeFunctionUrl")
    assert TOKEN not in said
    assert SECRET.lower() not in said


def test_a_token_that_has_expired_is_told_in_the_words_of_aws(function_url, signed):
    function_url.expired = True
    assert failure(signed).startswith("The security token included in the request is expired (HTTP 403): ")


def test_an_unsigned_request_is_told_of_the_option_that_signs(function_url, plain):
    function_url.signed_only = True
    assert failure(plain) == (
        "Forbidden (HTTP 403): a Function URL with AWS_IAM takes signed requests only, see --aws-iam"
    )


def test_a_function_url_names_its_own_region():
    request = httpx.Request("POST", "https://abc.lambda-url.eu-west-1.on.aws/v1/chat/stream", content=b"{}")
    (sent,) = SigV4().auth_flow(request)
    assert (
        f"Credential={KEY}/{sent.headers['x-amz-date'][:8]}/eu-west-1/lambda/aws4_request"
        in (sent.headers["authorization"])
    )
    assert sent.headers["x-amz-security-token"] == TOKEN


def test_another_address_needs_a_region_from_the_settings(monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(CannotSign, match=r"127\.0\.0\.1 does not name its region: set AWS_DEFAULT_REGION"):
        list(SigV4().auth_flow(httpx.Request("POST", "http://127.0.0.1/", content=b"{}")))


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (None, "no AWS credentials were found: set AWS_PROFILE, or"),
        ("nobody", r"the AWS configuration cannot be used: The config profile \(nobody\) could not be found"),
        ("half", "the AWS configuration cannot be used: Partial credentials found"),
        ("failing", "the AWS configuration cannot be used: Error when retrieving credentials from custom-process"),
    ],
)
def test_credentials_that_cannot_be_had_end_the_command_before_a_question_is_typed(
    profile, message, monkeypatch, tmp_path
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    (tmp_path / "credentials").write_text("[half]\naws_access_key_id = AKIDEXAMPLE\n")
    (tmp_path / "config").write_text("[profile failing]\ncredential_process = false\n")
    with pytest.raises(CannotSign, match=message):
        connect("https://abc.lambda-url.ap-northeast-2.on.aws", aws_iam=True)


def test_credentials_that_run_out_in_a_conversation_are_told_and_the_conversation_goes_on(
    function_url, monkeypatch, tmp_path, capsys
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    (tmp_path / "kept").write_text(
        json.dumps({
            "Version": 1, "AccessKeyId": KEY, "SecretAccessKey": SECRET, "SessionToken": TOKEN,
            "Expiration": "2020-01-01T00:00:00Z",
        })
    )  # fmt: skip
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path / 'kept'}\n")
    typed = iter([QUESTION, "/quit"])
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    assert terminal.converse(function_url.url, aws_iam=True) == 0
    said = capsys.readouterr().err
    assert "the AWS credentials cannot be renewed: " in said
    assert SECRET not in said
    assert function_url.requests == []


def test_a_session_token_never_leaves_this_machine_in_the_clear():
    with pytest.raises(CannotSign, match="use https://"):
        connect("http://abc.lambda-url.ap-northeast-2.on.aws", aws_iam=True)


@pytest.mark.parametrize("url", ["abc.lambda-url.ap-northeast-2.on.aws", "ftp://host", "https://", "https://["])
def test_what_is_no_address_is_said_so(url):
    with pytest.raises(ValueError, match=r"is no address of a chat|Invalid IPv6 URL"):
        connect(url)


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (
            503,
            '{"type": "about:blank", "status": 503, "detail": "지금은 답변을 준비할 수 없습니다.", "trace_id": "1-ab"}',
            "application/problem+json",
            "지금은 답변을 준비할 수 없습니다. (HTTP 503, trace 1-ab)",
        ),
        (502, "Internal Server Error", "text/plain", "Bad Gateway (HTTP 502)"),
        (429, '{"Reason": "ConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."}', "application/json",
         "Rate Exceeded. (HTTP 429)"),
        (404, "[]", "application/json", "Not Found (HTTP 404)"),
        (200, "<html></html>", "text/html",
         "127.0.0.1 answers with text/html, not with a stream: is it the chat's address?"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_its_own_words_with_its_status(function_url, plain, status, body, kind, told):
    function_url.says(status, body, kind)
    assert failure(plain) == told


def test_a_redirection_is_not_followed_but_told(function_url, plain):
    function_url.says(301, "", location="https://chat.example.com/v1/chat/stream")
    assert failure(plain).endswith("(HTTP 301): the chat is at https://chat.example.com/v1/chat/stream")


def test_a_stream_that_is_cut_or_ends_early_is_told_and_not_taken_for_a_whole_answer(function_url, plain):
    function_url.ends = []  # as when a Lambda function times out
    assert failure(plain) == "the answer was cut off: the stream ended before its last event"

    def cut(_, to):
        to.head(200, content_type="text/event-stream")
        to.event(*EVENTS[0])

    function_url.reply = cut
    assert "the connection to 127.0.0.1 failed: peer closed connection" in failure(plain)


def test_silence_and_a_closed_port_are_told(function_url, plain):
    function_url.gate.clear()
    plain.timeout = httpx.Timeout(0.2)
    began = time.monotonic()
    assert failure(plain) == "127.0.0.1 said nothing for 0.2 s"
    assert time.monotonic() - began < 5
    function_url.gate.set()
    with connect("http://127.0.0.1:1") as client:
        assert failure(client).startswith("the connection to 127.0.0.1 failed: ")


def test_after_a_cut_the_conversation_in_the_terminal_goes_on(function_url, monkeypatch, capsys):
    function_url.ends = []

    def typed():
        yield QUESTION
        function_url.ends = [("followups", {"followups": [{"faq_id": "4e2f3d7582a9", "text": "더 안내할까요?"}]}), DONE]
        yield "다시 물을게요"
        yield "1"
        yield "/quit"

    lines = typed()
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    assert terminal.converse(function_url.url, aws_iam=False) == 0
    said = capsys.readouterr()
    assert "오류: the answer was cut off" in said.err
    assert "구매자가 냅니다.\n  1. 더 안내할까요?" in said.out
    bodies = [json.loads(request.body) for request in function_url.requests]
    assert [body["session_id"] for body in bodies] == [None, "s" * 32, "s" * 32]
    assert (bodies[2]["message"], bodies[2]["followup_id"]) == ("더 안내할까요?", "4e2f3d7582a9")
