"""The page: typing a question, with a keyboard, with an input method, with suggestions."""

from playwright.sync_api import expect

from tests.e2e.visit import ANSWER, QUESTION, SAID
from tests.scripted_openai import answer, hang
from tests.scripted_openai import until as once

OFFERED = (QUESTION, "반품 요청이 들어오면 어떻게 하나요?", "반품 기간은 얼마인가요?")


def test_a_message_over_two_thousand_characters_is_not_sent(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.send("가" * 2_001)
    expect(seller.notices).to_contain_text("2,000자")
    expect(seller.questions).to_have_count(0)
    seller.send(QUESTION)
    assert seller.answered(QUESTION).startswith(ANSWER)
    expect(seller.notices).to_have_count(0)


def test_everything_can_be_done_with_the_keyboard_alone(visit_at_desk, model_chat, model):
    seller = visit_at_desk(model_chat)
    keyboard = seller.page.keyboard
    assert seller.focused() == "composer"
    keyboard.type("반품 배송비는")
    keyboard.press("Shift+Enter")
    keyboard.type("누가 내나요?")
    expect(seller.composer).to_have_value("반품 배송비는\n누가 내나요?")
    model.chat.append(answer("구매자가 냅니다."))
    keyboard.press("Enter")
    expect(seller.answers).to_have_text("구매자가 냅니다.")
    expect(seller.stop).to_be_hidden()

    seller.tab_back_to("followup")
    text = seller.page.evaluate("document.activeElement.textContent")
    model.chat.append(answer("수거를 지시합니다.\n", hang()))
    keyboard.press("Enter")
    expect(seller.questions.last).to_have_text(text)
    expect(seller.answers.last).to_have_text("수거를 지시합니다.")
    assert seller.focused() == "composer"
    keyboard.press("Tab")
    assert seller.focused() == "stop"
    keyboard.press("Enter")
    expect(seller.notices).to_have_attribute("data-kind", "cancelled")
    assert seller.focused() == "composer"

    seller.tab_back_to("sources")
    keyboard.press("Enter")
    expect(seller.part("source-card").last).to_be_visible()
    seller.tab_back_to("new-chat")
    keyboard.press("Enter")
    expect(seller.welcome).to_be_visible()
    assert seller.focused() == "composer"


def test_enter_that_completes_a_syllable_does_not_send(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.composer.focus()
    ime = seller.page.context.new_cdp_session(seller.page)
    ime.send("Input.imeSetComposition", {"text": "반품", "selectionStart": 2, "selectionEnd": 2})
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    ime.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    ime.send("Input.insertText", {"text": "반품 배송비는 누가 내나요?"})
    ime.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter, "windowsVirtualKeyCode": 13})
    expect(seller.composer).to_have_value(QUESTION)
    expect(seller.questions).to_have_count(0)

    seller.page.keyboard.press("Enter")
    assert seller.answered(QUESTION).startswith(ANSWER)
    expect(seller.questions).to_have_count(1)


def test_enter_while_an_answer_is_written_keeps_what_was_typed(visit_at_desk, model_chat, model, gates):
    seller = visit_at_desk(model_chat)
    model.chat.append(answer(f"{SAID}\n", once(gates[0]), "판매자가 냅니다."))
    seller.send(QUESTION)
    expect(seller.answers).to_have_text(SAID)
    seller.send("다음 질문")
    expect(seller.composer).to_have_value("다음 질문")
    expect(seller.questions).to_have_count(1)
    gates[0].set()
    expect(seller.stop).to_be_hidden()
    expect(seller.composer).to_have_value("다음 질문")


def test_questions_that_fit_are_offered_while_one_is_typed(visit, chat):
    seller = visit(chat)
    seller.is_offered(*OFFERED)
    seller.composer.press_sequentially("반")
    seller.page.wait_for_timeout(300)
    expect(seller.part("suggestions")).to_be_hidden()
    seller.composer.press_sequentially("품")
    expect(seller.part("suggestion")).to_have_text(list(OFFERED))
    assert seller.sideways() <= 0

    seller.composer.press("Escape")
    expect(seller.part("suggestions")).to_be_hidden()
    expect(seller.composer).to_have_value("반품")


def test_an_offered_question_that_is_clicked_is_asked_by_its_entry(visit, chat):
    seller = visit(chat)
    seller.page.route("**/v1/chat/stream", lambda route: route.abort())
    seller.is_offered(*OFFERED)
    seller.composer.press_sequentially("반품")
    with seller.asking() as asked:
        seller.part("suggestion").nth(1).click()
    assert asked == {"message": OFFERED[1], "followup_id": f"{1:012x}", "session_id": None}
    expect(seller.composer).to_have_value("")
    expect(seller.part("suggestions")).to_be_hidden()


def test_an_offered_question_is_chosen_with_the_arrow_keys(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.page.route("**/v1/chat/stream", lambda route: route.abort())
    seller.is_offered(*OFFERED)
    seller.composer.press_sequentially("반품")
    expect(seller.part("suggestion")).to_have_count(3)
    for key, selected in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", None), ("ArrowUp", 2)):
        seller.composer.press(key)
        chosen = seller.page.locator("[role=option][aria-selected=true]")
        expect(chosen).to_have_count(0 if selected is None else 1)
        if selected is not None:
            expect(chosen).to_have_text(OFFERED[selected])
            expect(seller.composer).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    with seller.asking() as asked:
        seller.composer.press("Enter")
    assert asked["followup_id"] == f"{2:012x}"


def test_enter_without_a_choice_sends_what_was_typed_and_nothing_is_offered_afterwards(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.is_offered(*OFFERED)
    seller.composer.press_sequentially("반품 배송비")
    expect(seller.part("suggestion")).to_have_count(3)
    with seller.asking() as asked:
        seller.composer.press("Enter")
    assert asked["message"] == "반품 배송비"
    assert asked["followup_id"] is None
    expect(seller.part("suggestions")).to_be_hidden()


def test_arrows_and_enter_of_an_input_method_do_not_choose(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.is_offered(*OFFERED)
    seller.composer.focus()
    ime = seller.page.context.new_cdp_session(seller.page)
    ime.send("Input.imeSetComposition", {"text": "반품", "selectionStart": 2, "selectionEnd": 2})
    expect(seller.part("suggestion")).to_have_count(3)
    for key in ("ArrowDown", "Enter"):
        ime.send(
            "Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": key, "code": key, "windowsVirtualKeyCode": 229}
        )
    expect(seller.page.locator("[role=option][aria-selected=true]")).to_have_count(0)
    expect(seller.questions).to_have_count(0)
    expect(seller.part("suggestion")).to_have_count(3)


def test_what_the_faq_suggests_for_the_first_letters_is_answered_from_its_entry(visit, chat):
    seller = visit(chat)
    seller.composer.press_sequentially("미성년자")
    offered = seller.part("suggestion").filter(has_text="미성년자도 판매 회원")
    text = offered.inner_text()
    offered.click()
    assert "만 14세 미만은 등록할 수 없습니다" in seller.answered(text)
