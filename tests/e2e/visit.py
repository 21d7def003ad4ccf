"""The page in a real browser, at phone and desktop width: what a seller sees and does.

After each test: no error of a script in the console, no request to any other host, nothing to scroll to sideways.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from faqchat.events import Delta, Done, Event, encode_sse
from tests.e2e.product import Chat

QUESTION = "반품 배송비는 누가 내나요?"
ANSWER = "구매자의 마음이 바뀐 반품은 구매자가"
SAID = "구매자가 냅니다."  # by a model: the FAQ supports it
HOSTILE = '<img src="x" onerror="window.pwned = 1"><script>window.pwned = 1</script><a href="javascript:pwned=1">가</a>'
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
SCREENS = [pytest.param(PHONE, id="390px"), pytest.param(DESKTOP, id="1280px")]
FAILED_REQUEST = "Failed to load resource"  # what Chromium itself writes into the console

expect.set_options(timeout=15_000)


class Visit:
    """The page of one chat server, open in a browser."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.composer = self.part("composer")
        self.stop = self.part("stop")
        self.questions = self.part("message-user")
        self.answers = self.part("answer")
        self.notices = self.part("notice")
        self.offers = self.part("followup")
        self.welcome = page.locator("#welcome")
        page.goto(url)

    def part(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def send(self, text: str) -> None:
        """Type a message and press Enter."""
        self.composer.fill(text)
        self.composer.press("Enter")

    def ask(self, text: str) -> str:
        """Send a message and wait for the whole answer."""
        self.send(text)
        return self.answered(text)

    def answered(self, text: str) -> str:
        """The whole answer to the latest message, which reads so."""
        expect(self.questions.last).to_have_text(text)
        expect(self.stop).to_be_hidden()
        return self.answers.last.inner_text()

    @contextmanager
    def asking(self) -> Iterator[dict[str, Any]]:
        """What the page asks the server for meanwhile: a dict, filled at the end."""
        asked: dict[str, Any] = {}
        with self.page.expect_request("**/v1/chat/stream") as request:
            yield asked
        asked.update(request.value.post_data_json)

    def requests(self, ending: str) -> list[Request]:
        """The requests from now on whose address ends so; the list grows."""
        seen: list[Request] = []
        self.page.on("request", lambda it: seen.append(it) if it.url.endswith(ending) else None)
        return seen

    def is_told(self, text: str, last: Event | None = None) -> None:
        """From now on every answer is this one, which no server would give."""
        body = b"".join(encode_sse(event, "") for event in (Delta(text=text), last or Done(outcome="answered")))
        stream = {"content_type": "text/event-stream", "body": body}
        self.page.route("**/v1/chat/stream", lambda route: route.fulfill(**stream))

    def is_offered(self, *questions: str) -> None:
        """From now on these are what the FAQ suggests, whatever is typed."""
        found = [{"faq_id": f"{i:012x}", "question": question, "tags": []} for i, question in enumerate(questions)]

        def suggest(route: Route) -> None:
            limit = int(parse_qs(urlsplit(route.request.url).query)["limit"][0])
            route.fulfill(json={"suggestions": found[:limit]})

        self.page.route("**/v1/faq/suggest?*", suggest)

    def remembered(self) -> dict[str, Any]:
        """What the browser keeps between two visits."""
        return json.loads(self.page.evaluate("localStorage.getItem('faqchat.conversations')") or "{}")

    def session_id(self) -> str | None:
        return self.remembered().get("current")

    def sideways(self) -> int:
        """By how many pixels the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.dataset.testid ?? document.activeElement.tagName")

    def tab_back_to(self, name: str) -> None:
        """Shift+Tab until the part of this name, or something within it, has the focus."""
        for _ in range(40):
            self.page.keyboard.press("Shift+Tab")
            if self.page.evaluate(f"!!document.activeElement.closest('[data-testid={name}]')"):
                return
        raise AssertionError(f"the keyboard does not reach {name}")


def refused(status: int, detail: str = "지금 이용자가 많습니다.") -> dict[str, Any]:
    """An answer of the server that is a problem, for `route.fulfill`."""
    problem = {"type": "about:blank", "title": "", "status": status, "detail": detail, "trace_id": ""}
    return {"status": status, "json": problem, "content_type": "application/problem+json"}


def first_only(handle):
    """A route that treats its first request so, and lets the others through."""
    treated: list[Route] = []

    def route(it: Route) -> None:
        if treated:
            it.fallback()
        else:
            treated.append(it)
            handle(it)

    return route


def visits(browser, screen):
    """Opens chats in a new browser profile, and judges at the end what happened in it."""
    context = browser.new_context(**screen)
    foreign, errors, sellers = [], [], []

    def visit(chat: Chat) -> Visit:
        page = context.new_page()
        local = (chat.url, "blob:")
        page.on("request", lambda it: None if it.url.startswith(local) else foreign.append(it.url))
        page.on("console", lambda it: errors.append(it.text) if is_error(it) else None)
        page.on("pageerror", lambda it: errors.append(str(it)))
        sellers.append(Visit(page, chat.url))
        return sellers[-1]

    yield visit
    sideways = [seller.sideways() for seller in sellers]
    context.close()
    assert errors == []
    assert foreign == []
    assert all(pixels <= 0 for pixels in sideways)


def is_error(message):
    """Whether a console message tells of a fault in the page; a request that a test lets fail is none."""
    return message.type == "error" and not message.text.startswith(FAILED_REQUEST)


@pytest.fixture(params=SCREENS)
def visit(browser, request):
    yield from visits(browser, request.param)


@pytest.fixture
def visit_at_desk(browser):
    yield from visits(browser, DESKTOP)


@pytest.fixture
def gates():
    """Opened at the end at the latest, so that no script waits for ever."""
    gates = [threading.Event() for _ in range(2)]
    yield gates
    for gate in gates:
        gate.set()
