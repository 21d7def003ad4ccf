"""The page: the list of conversations."""

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.visit import QUESTION

OTHER = "스마트스토어 회원가입은 어떻게 하나요?"


def two_conversations(seller):
    """Have two conversations, and open the list."""
    seller.ask(QUESTION)
    seller.part("new-chat").click()
    seller.ask(OTHER)
    seller.part("open-conversations").click()
    return seller.part("conversation")


def menu_of(seller, title):
    """Open what can be done with a conversation."""
    row = seller.page.locator("#conversations li").filter(has_text=title)
    row.get_by_test_id("conversation-menu").click()
    return row


def test_conversations_are_listed_by_their_first_questions_and_open_again(visit, chat):
    seller = visit(chat)
    listed = two_conversations(seller)
    expect(listed.locator("span")).to_have_text([OTHER, QUESTION])
    expect(listed.first).to_have_attribute("aria-current", "true")
    assert seller.sideways() <= 0

    listed.last.click()
    expect(seller.questions).to_have_text([QUESTION])
    expect(seller.answers).to_have_count(1)
    seller.page.reload()
    expect(seller.questions).to_have_text([QUESTION])
    with seller.asking() as asked:
        seller.ask("언제 내나요?")
    assert asked["session_id"] == seller.session_id()
    assert [it["title"] for it in seller.remembered()["list"]] == [QUESTION, OTHER]


def test_a_long_first_question_makes_a_short_title(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.ask(f"{QUESTION} {'그리고 교환 배송비는요? ' * 6}".strip())
    (kept,) = seller.remembered()["list"]
    assert kept["title"].startswith(QUESTION)
    assert kept["title"].endswith("…")
    assert len(kept["title"]) <= 41


def test_the_list_takes_the_focus_and_gives_it_back(visit, chat):
    seller = visit(chat)
    seller.part("open-conversations").click()
    expect(seller.part("panel")).to_contain_text("아직 나눈 대화가 없습니다.")
    expect(seller.part("open-conversations")).to_have_attribute("aria-expanded", "true")
    assert seller.focused() == "close-conversations"
    seller.page.keyboard.press("Escape")
    expect(seller.part("panel")).to_be_hidden()
    assert seller.focused() == "open-conversations"
    seller.page.keyboard.press("Enter")
    seller.page.keyboard.press("Enter")
    expect(seller.part("panel")).to_be_hidden()
    assert seller.focused() == "open-conversations"


def test_on_a_desk_the_list_stays_open_beside_the_conversation(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    two_conversations(seller).last.click()
    expect(seller.questions).to_have_text([QUESTION])
    expect(seller.part("panel")).to_be_visible()
    panel, answer = seller.part("panel").bounding_box(), seller.answers.bounding_box()
    assert panel["x"] + panel["width"] <= answer["x"]
    seller.part("new-chat").click()
    seller.ask("정산은 언제 되나요?")
    expect(seller.part("conversation").first.locator("span")).to_have_text("정산은 언제 되나요?")


def test_a_conversation_can_be_given_another_name(visit, chat):
    seller = visit(chat)
    two_conversations(seller)
    row = menu_of(seller, QUESTION)
    row.get_by_test_id("rename").click()
    assert seller.focused() == "rename-input"
    seller.page.keyboard.press("Escape")
    expect(seller.part("rename-input")).to_have_count(0)
    expect(seller.part("panel")).to_be_visible()
    assert seller.focused() == "conversation-menu"

    menu_of(seller, QUESTION).get_by_test_id("rename").click()
    seller.part("rename-input").fill("<b>반품</b>")
    seller.page.keyboard.press("Enter")
    expect(seller.part("conversation").last.locator("span")).to_have_text("<b>반품</b>")
    assert seller.focused() == "conversation"
    seller.page.reload()
    seller.part("open-conversations").click()
    expect(seller.part("conversation").last.locator("span")).to_have_text("<b>반품</b>")


def test_a_conversation_is_deleted_on_the_server_once_that_is_confirmed(visit, chat):
    seller = visit(chat)
    two_conversations(seller)
    current = seller.session_id()
    menu_of(seller, OTHER).get_by_test_id("delete").click()
    seller.page.keyboard.press("Escape")
    expect(seller.part("conversation")).to_have_count(2)
    menu_of(seller, OTHER).get_by_test_id("delete").click()
    seller.part("delete-confirm").click()

    expect(seller.part("conversation").locator("span")).to_have_text([QUESTION])
    assert chat.http.get(f"/v1/sessions/{current}").status_code == 404
    expect(seller.answers).to_have_count(0)
    expect(seller.welcome).to_be_visible()


def test_a_conversation_that_is_gone_already_can_be_deleted_too(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    two_conversations(seller)
    chat.http.delete(f"/v1/sessions/{seller.session_id()}").raise_for_status()
    menu_of(seller, OTHER).get_by_test_id("delete").click()
    seller.part("delete-confirm").click()
    expect(seller.part("conversation")).to_have_count(1)


def test_a_conversation_stays_where_the_server_cannot_be_reached(visit, chat):
    seller = visit(chat)
    two_conversations(seller)
    seller.page.route("**/v1/sessions/*", lambda route: route.abort())
    menu_of(seller, QUESTION).get_by_test_id("delete").click()
    seller.part("delete-confirm").click()
    expect(seller.part("panel").get_by_test_id("notice")).to_contain_text("삭제하지 못했습니다")
    assert len(seller.remembered()["list"]) == 2
    seller.page.unroute_all()
    seller.part("delete-confirm").click()
    expect(seller.part("conversation")).to_have_count(1)


def test_a_conversation_is_exported_as_markdown_and_as_json(visit, chat):
    seller = visit(chat)
    seller.ask(QUESTION)
    (turn,) = chat.turns(seller.session_id())
    seller.part("open-conversations").click()
    menu_of(seller, QUESTION)
    files = {}
    for kind in ("markdown", "json"):
        with seller.page.expect_download() as download:
            seller.part(f"export-{kind}").click()
        files[kind] = Path(download.value.path()).read_text("utf-8")
        assert download.value.suggested_filename.startswith("반품 배송비는")
    assert f"> {QUESTION}" in files["markdown"]
    assert turn["answer"] in files["markdown"]
    exported = json.loads(files["json"])
    assert exported["title"] == QUESTION
    assert [it["answer"] for it in exported["turns"]] == [turn["answer"]]
    assert not any(seller.session_id() in text or turn["turn_id"] in text for text in files.values())


def test_an_export_that_fails_says_so(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    two_conversations(seller)
    seller.page.route("**/v1/sessions/*", lambda route: route.abort())
    menu_of(seller, QUESTION).get_by_test_id("export-markdown").click()
    expect(seller.part("panel").get_by_test_id("notice")).to_have_attribute("data-kind", "error")


def test_the_one_conversation_that_was_remembered_before_there_was_a_list_is_in_it(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    session_id = chat.ask(QUESTION).session_id
    seller.page.evaluate("(id) => localStorage.setItem('faqchat.session', id)", session_id)
    seller.page.reload()
    expect(seller.questions).to_have_text([QUESTION])
    assert [(it["id"], it["title"]) for it in seller.remembered()["list"]] == [(session_id, QUESTION)]
    assert seller.page.evaluate("localStorage.getItem('faqchat.session')") is None
