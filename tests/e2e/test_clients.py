"""docs/clients.md, run as it stands: each of its code blocks, and its page, against the chat and a Function URL."""

import hashlib
import os
import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from local.layout import ROOT
from tests.function_url import KEY, REGION, SECRET, TOKEN, FunctionURL
from tests.scripted_openai import answer
from tests.scripted_openai import until as once

AUTHORITY = "127.0.0.1:8000"  # of the chat in the document
NAMED = f"http://{AUTHORITY}"
QUESTION = "반품 배송비는 누가 내나요?"
ANSWER = "구매자의 마음이 바뀐 반품은 구매자가"
FIRST, SECOND = "구매자의 사정이면 구매자가 냅니다. [1]", " 상품에 문제가 있으면 판매자가 냅니다. [1]"
IAM = "A Function URL with AWS_IAM"


def blocks(section: str) -> list[str]:
    """The code blocks of a section of the document, as they stand."""
    document = (ROOT / "docs" / "clients.md").read_text("utf-8")
    text = document.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```(?:sh|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(program: str, code: str, url: str, stdin: str = "") -> str:
    """What a block prints when its chat is this one."""
    assert AUTHORITY in code
    credentials = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": REGION,
    }
    done = subprocess.run(
        [program, "-c", code.replace(AUTHORITY, urlsplit(url).netloc).replace(".venv/bin/python", sys.executable)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=os.environ | credentials | {"NO_PROXY": "127.0.0.1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def function_url(chat):
    """A Function URL in front of the chat."""
    with FunctionURL() as url:
        url.invokes(chat.url)
        yield url


@pytest.fixture
def signed_url(function_url):
    """One that lets in what is signed, and only that."""
    function_url.signed_only = True
    yield function_url.url
    assert [function_url.refusal(request) for request in function_url.requests] == [""]


def test_every_block_of_the_document_is_run():
    sections = ("curl", "Python", "OpenAI's client", "An OpenAI front end", "WebSocket", "Terminal", IAM)
    assert [len(blocks(section)) for section in sections] == [1, 1, 1, 1, 1, 1, 3]
    assert (ROOT / "docs" / "clients.md").read_text("utf-8").count("```") == 2 * 9


def test_curl_prints_the_stream(chat):
    (code,) = blocks("curl")
    stream = run("bash", code, chat.url)
    assert ANSWER in stream
    assert "event: done\n" in stream


@pytest.mark.parametrize("section", ["Python", "WebSocket"])
def test_python_prints_an_answer_and_takes_up_an_offer(chat, section):
    (code,) = blocks(section)
    first, _, second = run(sys.executable, code, chat.url).partition(
        "\n\n반품 요청이 들어오면 무엇부터 하는지 안내해 드릴까요?\n"
    )
    assert first.startswith(ANSWER)
    assert second.startswith("[판매관리 > 반품관리] 메뉴에서 요청을 확인하고")


def test_the_client_of_openai_prints_an_answer_and_takes_up_an_offer(chat):
    (code,) = blocks("OpenAI's client")
    first, _, second = run(sys.executable, code, chat.url).partition("안내해 드릴까요?\n\n[")
    assert first.startswith(ANSWER)
    assert "\n\n출처 [1] " in first
    assert second.startswith("판매관리 > 반품관리] 메뉴에서 요청을 확인하고")


def test_what_a_front_end_of_openai_asks_is_a_stream_of_chunks(chat):
    (code,) = blocks("An OpenAI front end")
    stream = run("bash", code, chat.url)
    assert ANSWER in stream
    assert '"object":"chat.completion.chunk"' in stream
    assert stream.endswith("data: [DONE]\n\n")


def test_the_terminal_takes_up_an_offer(chat):
    (code,) = blocks("Terminal")
    said = run("bash", code, chat.url, f"{QUESTION}\n1\n/quit\n")
    assert f"\n> {ANSWER}" in said
    assert "\n> [판매관리 > 반품관리] 메뉴에서 요청을 확인하고" in said


@pytest.mark.parametrize(
    ("number", "program", "stdin"), [(0, "bash", QUESTION), (1, "bash", ""), (2, sys.executable, "")]
)
def test_the_terminal_curl_and_python_sign_what_they_send(signed_url, number, program, stdin):
    assert ANSWER in run(program, blocks(IAM)[number], signed_url, stdin)


@pytest.fixture
def example(tmp_path, function_url, browser):
    """The example's page, served from another origin than the chat that it asks."""
    page = (ROOT / "docs" / "examples" / "browser.html").read_text("utf-8")
    assert page.count(NAMED) == 1
    (tmp_path / "browser.html").write_text(page.replace(NAMED, function_url.url), "utf-8")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        origin = f"http://127.0.0.1:{server.server_port}"
        function_url.origin = origin
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{origin}/browser.html")
        yield page
        context.close()
        server.shutdown()
        thread.join()


def ask(page, question):
    page.locator("input").fill(question)
    page.locator("button").click()


def test_the_page_of_another_origin_shows_each_sentence_as_it_comes_and_goes_on(
    example, function_url, model_chat, model
):
    gate = threading.Event()
    model.chat.append(answer(FIRST, SECOND[:3], once(gate), SECOND[3:]))
    function_url.invokes(model_chat.url)
    try:
        ask(example, QUESTION)
        expect(example.locator("pre")).to_have_text(FIRST)
    finally:
        gate.set()
    expect(example.locator("pre")).to_contain_text(f"{SECOND}\n\n· ")

    model.chat.append(answer("네, 그렇습니다. [1]"))
    ask(example, "그럼 어디에서 처리하나요?")
    expect(example.locator("pre")).to_contain_text("\n\n· ")
    assert len(model.asked[-1]["messages"]) == 4, "the conversation before, and the question"


def test_the_page_tells_a_refusal_and_a_cut_from_an_answer(example, function_url):
    ask(example, " ")
    expect(example.locator("pre")).to_have_text("질문을 입력해 주세요.")
    function_url.says(502, "Internal Server Error", "text/plain")
    ask(example, QUESTION)
    expect(example.locator("pre")).to_have_text("HTTP 502")
    function_url.reply, function_url.ends = function_url.stream, []
    ask(example, QUESTION)
    expect(example.locator("pre")).to_have_text("구매자가 냅니다.\n연결이 끊겼습니다.")


def test_without_the_headers_of_a_function_url_the_browser_lets_no_other_origin_in(example, function_url):
    function_url.origin = ""
    ask(example, QUESTION)
    expect(example.locator("pre")).to_have_text("Failed to fetch")
    assert function_url.requests == [], "the preflight is as far as it gets"


def test_the_page_of_the_chat_itself_tells_cloudfront_the_hash_of_what_it_sends(chat, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(chat.url)
    with page.expect_request("**/v1/chat/stream") as asked:
        page.get_by_test_id("composer").fill(QUESTION)
        page.get_by_test_id("composer").press("Enter")
    expect(page.get_by_test_id("answer")).to_contain_text(ANSWER)
    context.close()
    sent = asked.value
    assert sent.headers["x-amz-content-sha256"] == hashlib.sha256(sent.post_data_buffer).hexdigest()
