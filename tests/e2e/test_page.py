"""The page in a real browser, at phone and desktop width: what a seller sees and does.

After each test: no error in the console, no request to any other host, nothing to scroll to sideways.
"""

import threading
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from faqchat.chat import interrupted
from faqchat.errors import Unavailable
from faqchat.events import Delta, Done, Event, encode_sse
from tests.e2e.product import Chat, id_of, until
from tests.scripted_openai import answer, failure, hang, reset
from tests.scripted_openai import until as once

QUESTION = "반품 배송비는 누가 내나요?"
ANSWER = "구매자의 마음이 바뀐 반품은 구매자가"
DECLINED = "저는 스마트 스토어 FAQ를 위한 챗봇입니다. 스마트 스토어에 대한 질문을 부탁드립니다."
SAID = "구매자가 냅니다."  # by a model: the FAQ supports it
HOSTILE = '<img src="x" onerror="window.pwned = 1"><script>window.pwned = 1</script><a href="javascript:pwned=1">가</a>'
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}

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
    def asking(self):
        """What the page asks the server for meanwhile: a dict, filled at the end."""
        asked: dict[str, Any] = {}
        with self.page.expect_request("**/v1/chat/stream") as request:
            yield asked
        asked.update(request.value.post_data_json)

    def is_told(self, text: str, last: Event | None = None) -> None:
        """From now on every answer is this one, which no server would give."""
        body = b"".join(encode_sse(event, "") for event in (Delta(text=text), last or Done(outcome="answered")))
        stream = {"content_type": "text/event-stream", "body": body}
        self.page.route("**/v1/chat/stream", lambda route: route.fulfill(**stream))

    def session_id(self) -> str | None:
        return self.page.evaluate("localStorage.getItem('faqchat.session')")

    def sideways(self) -> int:
        """By how many pixels the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.dataset.testid ?? document.activeElement.tagName")

    def tab_back_to(self, name: str) -> None:
        """Shift+Tab until the part of this name, or something within it, has the focus."""
        for _ in range(30):
            self.page.keyboard.press("Shift+Tab")
            if self.page.evaluate(f"!!document.activeElement.closest('[data-testid={name}]')"):
                return
        raise AssertionError(f"the keyboard does not reach {name}")


def visits(browser, screen):
    """Opens chats in a new browser profile, and judges at the end what happened in it."""
    context = browser.new_context(**screen)
    foreign, errors, sellers = [], [], []

    def visit(chat: Chat) -> Visit:
        page = context.new_page()
        page.on("request", lambda it: None if it.url.startswith(chat.url) else foreign.append(it.url))
        page.on("console", lambda it: errors.append(it.text) if it.type == "error" else None)
        page.on("pageerror", lambda it: errors.append(str(it)))
        sellers.append(Visit(page, chat.url))
        return sellers[-1]

    yield visit
    sideways = [seller.sideways() for seller in sellers]
    context.close()
    assert errors == []
    assert foreign == []
    assert all(pixels <= 0 for pixels in sideways)


@pytest.fixture(params=[pytest.param(PHONE, id="390px"), pytest.param(DESKTOP, id="1280px")])
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


def test_an_answer_is_painted_while_the_model_still_writes_it(visit, model_chat, model, gates):
    seller = visit(model_chat)
    model.chat.append(
        answer(f"{SAID} 문", once(gates[0]), "제가 있으면 판매자가 냅니다.\n", once(gates[1]), "· 상품의 금액")
    )
    seller.send(QUESTION)

    expect(seller.answers).to_have_text(SAID)
    expect(seller.stop).to_be_visible()
    assert not model.exchanges[0].finished.is_set(), "the model is still at it"
    gates[0].set()
    expect(seller.answers).to_have_text(f"{SAID} 문제가 있으면 판매자가 냅니다.")
    expect(seller.stop).to_be_visible()
    gates[1].set()
    expect(seller.answers.locator("ul.bullets li")).to_have_text("• 상품의 금액")
    expect(seller.stop).to_be_hidden()
    expect(seller.offers).to_have_count(3)
    expect(seller.notices).to_have_count(0)


def test_an_example_is_answered_with_sources_that_open(visit, chat):
    seller = visit(chat)
    question = "미성년자도 판매 회원 등록이 가능한가요?"
    seller.part("example").get_by_text(question).click()
    assert "만 14세 미만은 등록할 수 없습니다" in seller.answered(question)
    expect(seller.welcome).to_be_hidden()

    card = seller.part("source-card").first
    expect(card).to_be_hidden()
    seller.part("sources").locator("> summary").click()
    expect(card).to_be_visible()
    expect(card).to_have_attribute("data-faq-id", id_of("미성년자도 판매 회원"))
    expect(card.locator(".tag")).to_have_text("가입")
    card.locator("summary").click()
    expect(card.locator(".excerpt")).to_contain_text("만 14세 이상")


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


def test_an_offer_that_is_clicked_is_answered_from_its_entry(visit, chat):
    seller = visit(chat)
    seller.ask(QUESTION)
    chip = seller.offers.first
    offered, text = chip.get_attribute("data-faq-id"), chip.inner_text()
    assert offered == id_of("반품 요청이")

    with seller.asking() as asked:
        chip.click()
    assert "[" not in seller.answered(text), "a menu path is shown as one"
    assert asked == {"message": text, "followup_id": offered, "session_id": seller.session_id()}
    seller.part("sources").last.locator("> summary").click()
    expect(seller.part("sources").last.get_by_test_id("source-card").first).to_have_attribute("data-faq-id", offered)
    expect(seller.part("message-bot").first.get_by_test_id("followup")).to_have_count(0)
    assert 2 <= seller.offers.count() <= 3


def test_stop_ends_the_answer_and_keeps_what_was_said(visit, model_chat, model):
    seller = visit(model_chat)
    model.chat.append(answer(f"{SAID}\n", hang()))
    seller.send(QUESTION)
    expect(seller.answers).to_have_text(SAID)
    seller.stop.click()

    expect(seller.notices).to_have_attribute("data-kind", "cancelled")
    expect(seller.answers).to_have_text(SAID)
    assert model.exchanges[0].client_left.wait(5), "the model is told to stop"
    (turn,) = until(lambda: model_chat.turns(seller.session_id()))
    assert turn["outcome"] == "cancelled"

    model.chat.append(answer("판매자가 냅니다."))
    assert seller.ask(QUESTION) == "판매자가 냅니다."
    seller.page.reload()
    expect(seller.notices).to_have_attribute("data-kind", "cancelled")
    expect(seller.answers).to_have_text([SAID, "판매자가 냅니다."])


def test_a_reload_shows_the_conversation_again_and_it_goes_on(visit, chat):
    seller = visit(chat)
    seller.ask("저는 만 18세입니다")
    seller.ask("미성년자도 판매 회원 등록이 가능한가요?")
    transcript = seller.page.locator("#transcript")
    before = transcript.inner_text()

    seller.page.reload()
    expect(seller.answers).to_have_count(2)
    assert transcript.inner_text() == before
    expect(seller.welcome).to_be_hidden()
    assert "법정대리인 동의서" in seller.ask("그럼 어떤 서류가 필요해요?")


def test_a_new_chat_is_empty_and_stays_so_over_a_reload(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.ask(QUESTION)
    first = seller.session_id()
    seller.part("new-chat").click()

    expect(seller.welcome).to_be_visible()
    expect(seller.answers).to_have_count(0)
    seller.page.reload()
    expect(seller.welcome).to_be_visible()
    with seller.asking() as asked:
        seller.ask(QUESTION)
    assert asked["session_id"] is None
    assert seller.session_id() not in (None, first)


def test_a_new_chat_may_be_begun_in_the_middle_of_an_answer(visit_at_desk, model_chat, model):
    seller = visit_at_desk(model_chat)
    model.chat.append(answer(f"{SAID}\n", hang()))
    seller.send(QUESTION)
    expect(seller.answers).to_have_text(SAID)
    seller.part("new-chat").click()
    expect(seller.welcome).to_be_visible()
    assert model.exchanges[0].client_left.wait(5)

    model.chat.append(answer("구매자가 냅니다."))
    assert seller.ask(QUESTION) == "구매자가 냅니다."
    expect(seller.answers).to_have_count(1)


def test_what_is_not_about_the_store_is_declined_with_offers_that_lead_back(visit, chat):
    seller = visit(chat)
    assert seller.ask("오늘 저녁에 여의도 가려는데 맛집 추천좀 해줄래?") == DECLINED
    expect(seller.notices).to_have_attribute("data-kind", "declined")
    expect(seller.part("sources")).to_have_count(0)

    chip = seller.offers.first
    expect(chip).to_have_text("반찬 같은 음식도 스토어에 등록할 수 있는지 궁금하신가요?")
    chip.click()
    assert "영업신고증이 있으면" in seller.answered("반찬 같은 음식도 스토어에 등록할 수 있는지 궁금하신가요?")


def test_markup_in_questions_and_answers_is_shown_as_text_and_never_runs(visit, chat):
    seller = visit(chat)
    seller.is_told(f"{HOSTILE} **{HOSTILE}** `{HOSTILE}`\n· {HOSTILE}\n[{HOSTILE} > 나]")
    assert seller.ask(QUESTION).count("<script>window.pwned = 1</script>") == 5
    seller.page.unroute_all()
    seller.ask(f"{HOSTILE} 반품 배송비")

    def check() -> None:
        expect(seller.questions.last.locator(".bubble")).to_have_text(f"{HOSTILE} 반품 배송비")
        expect(seller.page.locator("#transcript").locator("img, script, a, iframe")).to_have_count(0)
        assert seller.page.evaluate("window.pwned") is None

    check()
    seller.page.reload()
    check()


def test_nothing_is_wider_than_the_screen_however_long_its_words_are(visit, chat):
    seller = visit(chat)
    word, link = "가" * 120, f"https://sell.smartstore.naver.com/{'a' * 200}"
    lines = (f"1) {word}", f"· {link}", f"[{word} > {word}]", f"`{link}`", f"※ {word}")
    seller.ask(QUESTION)
    seller.part("sources").locator("> summary").click()
    seller.is_told("\n".join(lines))
    seller.send(f"{link} {word}")
    expect(seller.stop).to_be_hidden()
    assert seller.sideways() <= 0
    seller.page.set_viewport_size({"width": 320, "height": 700})
    assert seller.sideways() <= 0


def test_a_model_that_is_away_is_told_and_the_faq_answers(visit_at_desk, model_chat, model):
    seller = visit_at_desk(model_chat)
    model.chat.append(failure(500))
    assert seller.ask(QUESTION).startswith(ANSWER)
    expect(seller.notices).to_have_attribute("data-kind", "degraded")
    expect(seller.notices).to_contain_text("AI 모델에 연결할 수 없어")


def test_an_answer_that_breaks_off_goes_on_in_the_faqs_own_words(visit_at_desk, model_chat, model):
    seller = visit_at_desk(model_chat)
    model.chat.append(answer(f"{SAID} 상품에 문제가", reset()))
    said = seller.ask(QUESTION)
    assert said.startswith(SAID)
    assert ANSWER in said
    expect(seller.notices).to_contain_text("AI 모델에 연결할 수 없어")


def test_an_answer_that_was_corrected_says_so(visit_at_desk, model_chat, model):
    seller = visit_at_desk(model_chat)
    model.chat.append(answer("반품 배송비는 9,900원입니다. [1]"))
    assert seller.ask(QUESTION).startswith(ANSWER)
    expect(seller.notices).to_have_attribute("data-kind", "degraded")
    expect(seller.notices).to_contain_text("FAQ로 확인되지 않은 부분을 고쳤습니다")


def test_an_answer_that_ends_in_an_error_can_be_asked_for_again(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.is_told(SAID, interrupted(Unavailable(), "0" * 28))
    seller.send(QUESTION)
    expect(seller.notices).to_have_attribute("data-kind", "error")
    expect(seller.answers).to_have_text(SAID)

    seller.page.unroute_all()
    seller.part("retry").click()
    expect(seller.answers).to_contain_text(ANSWER)
    expect(seller.notices).to_have_count(0)
    expect(seller.questions).to_have_count(1)


def test_a_conversation_that_could_not_be_stored_goes_on_once_the_table_is_back(visit_at_desk, fragile_chat, wires):
    wires.aws.cut()
    seller = visit_at_desk(fragile_chat)
    assert seller.ask(QUESTION).startswith(ANSWER)
    expect(seller.notices).to_have_attribute("data-kind", "degraded")

    wires.aws.mend()
    assert seller.ask(QUESTION).startswith(ANSWER)
    expect(seller.notices).to_have_count(1)
    assert len(fragile_chat.turns(seller.session_id())) == 1


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
