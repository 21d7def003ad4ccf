"""The page: questions, answers, sources and offers, from the first screen to the next conversation."""

from playwright.sync_api import expect

from tests.e2e.product import id_of
from tests.e2e.visit import QUESTION, SAID
from tests.scripted_openai import answer, hang
from tests.scripted_openai import until as once

DECLINED = "저는 스마트 스토어 FAQ를 위한 챗봇입니다. 스마트 스토어에 대한 질문을 부탁드립니다."


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
    question = "미성년자도 판매 회원으로 등록할 수 있나요?"
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


def test_that_it_is_being_answered_is_shown_within_a_tenth_of_a_second(visit, chat):
    seller = visit(chat)
    took_ms = seller.page.evaluate(
        """(text) => new Promise((painted) => {
          const find = (name) => document.querySelector(`[data-testid=${name}]`);
          find("composer").value = text;
          const began = performance.now();
          new MutationObserver((_, observer) => {
            if (!find("typing")) return;
            observer.disconnect();
            requestAnimationFrame(() => painted(performance.now() - began));
          }).observe(document.body, { childList: true, subtree: true });
          find("send").click();
        })""",
        QUESTION,
    )
    assert took_ms < 100
    assert seller.answered(QUESTION)
    expect(seller.part("typing")).to_have_count(0)


def test_the_first_screen_gives_examples_from_the_faq(visit, chat):
    seller = visit(chat)
    seller.is_offered(*(f"예시 {i}" for i in range(6)))
    seller.page.reload()
    expect(seller.part("example")).to_have_text([f"예시 {i}" for i in range(4)])


def test_the_first_screen_keeps_its_own_examples_where_the_faq_gives_none(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.page.route("**/v1/faq/suggest?*", lambda route: route.abort())
    with seller.page.expect_event("requestfailed"):
        seller.page.reload()
    expect(seller.part("example")).to_have_count(4)
    expect(seller.part("example").first).to_contain_text("미성년자")


def test_an_answer_is_copied_as_it_was_written(visit_at_desk, model_chat, model):
    seller = visit_at_desk(model_chat)
    seller.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    model.chat.append(answer(f"**{SAID}**\n· 상품의 금액"))
    seller.ask(QUESTION)
    seller.part("copy").click()
    expect(seller.part("copy")).to_have_text("복사됨")
    assert seller.page.evaluate("navigator.clipboard.readText()") == f"**{SAID}**\n· 상품의 금액"
