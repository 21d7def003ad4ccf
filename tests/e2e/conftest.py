"""One stack for all end-to-end tests: what it embeds takes half a minute, what the tests change they put back."""

import shutil
import signal

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.product import UP_TIMEOUT_S, Chat, Product, embedded, lives, until
from tests.e2e.visit import gates, visit, visit_at_desk  # noqa: F401 # fixtures
from tests.e2e.wire import Wires
from tests.scripted_openai import ScriptedOpenAI

KILLED_AFTER = 300  # texts

# A shell that puts the tests into the background has them ignore Ctrl-C, and whatever they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def is_complete(said):
    """Whether an ingest has embedded all it had to; where that was nothing, it says nothing."""
    done, total = embedded(said)
    return done == total


@pytest.fixture(scope="package")
def product(tmp_path_factory):
    """The stack, whose first start is killed in the middle of its ingest."""
    product = Product(tmp_path_factory.mktemp("product"))
    try:
        product.launch()
        until(lambda: embedded(product.said)[0] >= KILLED_AFTER, UP_TIMEOUT_S)
        product.kill_supervisor()
        product.killed = product.said
        product.start()
        until(lambda: is_complete(product.said), UP_TIMEOUT_S)
        product.resumed = product.said
        yield product
        processes = product.processes()
        assert product.stop() == 0, product.said
        assert not list(filter(lives, processes))
        assert not product.busy_ports
    finally:
        product.close()


@pytest.fixture(scope="package")
def chat(product) -> Chat:
    """A client of the chat that `up` serves: answers come from the FAQ itself."""
    return product.chat


@pytest.fixture(scope="package")
def _scripted_server():
    with ScriptedOpenAI() as server:
        yield server


@pytest.fixture(scope="package")
def model_chat(product, _scripted_server):
    """A client of a chat server whose answers a model writes; it is impatient, and its heart beats fast."""
    with product.another_chat(
        FAQCHAT_CHAT_MODEL="scripted",
        FAQCHAT_CHAT_BASE_URL=_scripted_server.base_url,
        FAQCHAT_CHAT_TIMEOUT_S="2",
        FAQCHAT_CHAT_PRICE_IN="1",
        FAQCHAT_CHAT_PRICE_CACHED="0.1",
        FAQCHAT_CHAT_PRICE_OUT="2",
        FAQCHAT_HEARTBEAT_S="0.1",
        FAQCHAT_RESUME_GRACE_S="1",
    ) as chat:
        yield chat


@pytest.fixture
def model(_scripted_server, model_chat):
    """The model behind `model_chat`, with nothing said and nothing heard yet."""
    _scripted_server.chat.clear()
    _scripted_server.exchanges.clear()
    _scripted_server.arrived.clear()
    return _scripted_server


@pytest.fixture(scope="package")
def _all_wires(product):
    with Wires(product.layout) as wires:
        yield wires


@pytest.fixture(scope="package")
def fragile_chat(product, _all_wires):
    """A client of a chat server whose every service is behind a wire."""
    with product.another_chat(**_all_wires.environment) as chat:
        chat.ask("반품 배송비는 누가 내나요?")  # the FAQ is in memory from here on
        yield chat


@pytest.fixture
def wires(_all_wires, fragile_chat):
    """The wires of `fragile_chat`, mended when the test is over."""
    yield _all_wires
    _all_wires.mend()
    until(lambda: fragile_chat.ask("반품 배송비는 누가 내나요?").degraded == [])


@pytest.fixture(scope="module")
def browser():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("there is no chromium, chromium-browser or google-chrome on the PATH to drive a page with")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()
