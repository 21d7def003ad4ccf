"""The page: what a seller thinks of an answer."""

from playwright.sync_api import expect

from tests.e2e.visit import QUESTION


def test_a_thumb_up_is_stored_and_shown_again(visit, chat):
    seller = visit(chat)
    seller.ask(QUESTION)
    with seller.page.expect_response("**/v1/turns/*/feedback") as stored:
        seller.part("thumb-up").click()
    assert stored.value.status == 204
    expect(seller.part("thumb-up")).to_have_attribute("aria-pressed", "true")
    (turn,) = chat.turns(seller.session_id())
    assert turn["feedback"]["rating"] == "up"
    seller.page.reload()
    expect(seller.part("thumb-up")).to_have_attribute("aria-pressed", "true")
    expect(seller.part("thumb-down")).to_have_attribute("aria-pressed", "false")


def test_a_thumb_down_asks_for_the_reason_and_stores_it(visit, chat):
    seller = visit(chat)
    seller.ask(QUESTION)
    seller.part("thumb-down").click()
    expect(seller.part("feedback-form")).to_be_visible()
    expect(seller.part("thumb-down")).to_have_attribute("aria-pressed", "false")
    seller.page.get_by_label("설명이 부족해요").check()
    seller.part("feedback-comment").fill("  금액이 없어요  ")
    assert seller.sideways() <= 0
    seller.part("feedback-send").click()

    expect(seller.part("feedback-thanks")).to_be_visible()
    expect(seller.part("feedback-form")).to_have_count(0)
    expect(seller.part("thumb-down")).to_have_attribute("aria-pressed", "true")
    assert seller.focused() == "thumb-down"
    (turn,) = chat.turns(seller.session_id())
    assert {**turn["feedback"], "at": ""} == {
        "rating": "down",
        "reason": "incomplete",
        "comment": "금액이 없어요",
        "at": "",
    }

    seller.part("thumb-up").click()
    expect(seller.part("thumb-up")).to_have_attribute("aria-pressed", "true")
    expect(seller.part("thumb-down")).to_have_attribute("aria-pressed", "false")


def test_the_reason_can_be_left_out_and_the_form_left(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.ask(QUESTION)
    seller.part("thumb-down").click()
    seller.page.keyboard.press("Escape")
    expect(seller.part("feedback-form")).to_have_count(0)
    assert seller.focused() == "thumb-down"
    seller.part("thumb-down").click()
    seller.part("feedback-cancel").click()
    expect(seller.part("thumb-down")).to_have_attribute("aria-pressed", "false")
    seller.part("thumb-down").click()
    seller.part("feedback-send").click()
    expect(seller.part("thumb-down")).to_have_attribute("aria-pressed", "true")
    (turn,) = chat.turns(seller.session_id())
    assert turn["feedback"]["reason"] is None


def test_feedback_that_cannot_be_stored_says_so(visit, chat):
    seller = visit(chat)
    seller.ask(QUESTION)
    seller.page.route("**/v1/turns/*/feedback", lambda route: route.abort())
    seller.part("thumb-up").click()
    expect(seller.notices).to_have_attribute("data-kind", "error")
    expect(seller.part("thumb-up")).to_have_attribute("aria-pressed", "false")
    seller.part("thumb-down").click()
    seller.part("feedback-comment").fill("잊지 마세요")
    seller.part("feedback-send").click()
    expect(seller.notices).to_have_attribute("data-kind", "error")
    expect(seller.part("feedback-comment")).to_have_value("잊지 마세요")
    seller.page.unroute_all()
    seller.part("feedback-send").click()
    expect(seller.part("feedback-thanks")).to_be_visible()
    expect(seller.notices).to_have_count(0)
