"""The page under axe-core, a test-only tool from npm: no serious violation in any state, light or dark."""

import shutil
import subprocess
import tarfile

import pytest
from playwright.sync_api import expect

from tests.e2e.visit import QUESTION, SCREENS, Visit, refused

AXE = "axe-core@4.14.1"
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="session")
def axe(request):
    """The source of axe-core, fetched once into pytest's cache."""
    folder = request.config.cache.mkdir("axe")
    script = folder / f"{AXE}.js"
    if not script.exists():
        npm = shutil.which("npm")
        if not npm:
            pytest.skip("there is no npm on the PATH to fetch axe-core with")
        packed = subprocess.run(
            [npm, "pack", AXE, "--pack-destination", folder], capture_output=True, text=True, check=False, timeout=120
        )
        if packed.returncode:
            pytest.skip(f"npm could not fetch {AXE}: {packed.stderr.strip().splitlines()[-1]}")
        with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member
            script.write_bytes(member.read())
    return script.read_text("utf-8")


@pytest.fixture(params=["light", "dark"])
def colours(request):
    return request.param


@pytest.fixture(params=SCREENS)
def seller(browser, request, colours, chat):
    """A visitor whose page lets axe in: the page's own content policy would not."""
    context = browser.new_context(**request.param, color_scheme=colours, bypass_csp=True, reduced_motion="reduce")
    yield Visit(context.new_page(), chat.url)
    context.close()


@pytest.fixture
def judge(seller, axe):
    """Asserts that axe finds nothing grave in the page as it is now."""

    def judge() -> None:
        seller.page.evaluate(axe)
        found = seller.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        grave = [
            (it["id"], [node["target"] for node in it["nodes"]], it["nodes"][0]["failureSummary"])
            for it in found
            if it["impact"] in GRAVE
        ]
        assert grave == []

    return judge


def test_the_first_screen(seller, judge):
    expect(seller.welcome).to_be_visible()
    judge()


def test_an_answer_its_sources_its_entry_and_the_feedback_on_it(seller, judge):
    seller.ask(QUESTION)
    seller.part("sources").locator("> summary").click()
    seller.part("source-card").first.locator("summary").click()
    judge()
    seller.part("thumb-down").click()
    judge()
    seller.part("open-entry").first.click()
    expect(seller.part("entry-answer")).to_be_visible()
    judge()


def test_the_list_of_conversations_and_what_can_be_done_there(seller, judge):
    seller.ask(QUESTION)
    seller.part("open-conversations").click()
    judge()
    seller.part("conversation-menu").click()
    judge()
    seller.part("rename").click()
    judge()
    seller.page.keyboard.press("Escape")
    seller.part("conversation-menu").click()
    seller.part("delete").click()
    judge()


def test_suggestions(seller, judge):
    seller.is_offered(QUESTION, "반품 기간은 얼마인가요?")
    seller.composer.press_sequentially("반품")
    expect(seller.part("suggestion")).to_have_count(2)
    seller.composer.press("ArrowDown")
    judge()


def test_an_error_a_stopped_answer_and_one_that_is_awaited(seller, judge):
    seller.page.route("**/v1/chat/stream", lambda route: route.fulfill(**refused(503)))
    seller.send(QUESTION)
    expect(seller.part("retry")).to_be_visible()
    judge()
    seller.page.unroute_all()
    seller.page.route("**/v1/chat/stream", lambda route: None)
    seller.send(QUESTION)
    expect(seller.part("typing")).to_be_visible()
    judge()
    seller.stop.click()
    expect(seller.notices.last).to_have_attribute("data-kind", "cancelled")
    judge()
