"""The page: the whole entry behind a source."""

from playwright.sync_api import expect

from tests.e2e.product import id_of
from tests.e2e.visit import HOSTILE, QUESTION


def open_whole_entry(seller):
    """Ask, open the sources and the first card, and read its whole entry."""
    seller.ask(QUESTION)
    seller.part("sources").locator("> summary").click()
    seller.part("source-card").first.locator("summary").click()
    seller.part("open-entry").first.click()
    return seller.part("entry")


def test_a_source_opens_its_whole_entry_and_gives_the_focus_back(visit, chat):
    seller = visit(chat)
    entry = open_whole_entry(seller)
    expect(entry).to_be_visible()
    expect(seller.part("entry-title")).to_have_text("반품 배송비는 누가 내나요?")
    whole = chat.http.get(f"/v1/faq/{id_of('반품 배송비는')}").json()
    expect(seller.part("entry-answer")).to_have_text(whole["answer"])
    expect(seller.part("related-entry")).to_have_text([related["question"] for related in whole["related"]])
    assert seller.sideways() <= 0

    seller.page.keyboard.press("Escape")
    expect(entry).to_be_hidden()
    assert seller.focused() == "open-entry"
    seller.part("open-entry").first.click()
    seller.part("entry-close").click()
    expect(entry).to_be_hidden()
    expect(seller.part("source-card").first).to_be_visible()


def test_a_whole_entry_can_be_opened_and_closed_with_the_keyboard_alone(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    open_whole_entry(seller)
    seller.page.keyboard.press("Escape")
    seller.page.keyboard.press("Enter")
    expect(seller.part("entry-answer")).to_be_visible()
    assert seller.focused() == "entry-title"
    seller.tab_back_to("entry-close")
    seller.page.keyboard.press("Enter")
    expect(seller.part("entry")).to_be_hidden()
    assert seller.focused() == "open-entry"


def test_an_entry_that_cannot_be_read_says_so_and_can_be_asked_for_again(visit, chat):
    seller = visit(chat)
    seller.page.route("**/v1/faq/*", lambda route: route.fulfill(body="a proxy's own page"))
    entry = open_whole_entry(seller)
    expect(entry.get_by_test_id("notice")).to_have_attribute("data-kind", "error")
    seller.page.unroute("**/v1/faq/*")
    entry.get_by_test_id("retry").click()
    expect(seller.part("entry-answer")).to_contain_text("배송비")
    expect(entry.get_by_test_id("notice")).to_have_count(0)


def test_markup_in_an_entry_is_shown_as_text(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    hostile = {"faq_id": "0" * 12, "question": HOSTILE, "tags": [HOSTILE], "answer": f"· {HOSTILE}", "related": []}
    hostile["related"] = [{"faq_id": "1" * 12, "question": HOSTILE}]
    seller.page.route("**/v1/faq/*", lambda route: route.fulfill(json=hostile))
    entry = open_whole_entry(seller)
    expect(seller.part("entry-answer")).to_contain_text(HOSTILE)
    expect(seller.part("related-entry")).to_have_text(HOSTILE)
    expect(entry.locator("img, script, a")).to_have_count(0)
    assert seller.page.evaluate("window.pwned") is None
