"""The page: what it says when an answer is not what it should be, and what one can do then."""

import pytest
from playwright.sync_api import expect

from faqchat.chat import interrupted
from faqchat.errors import Unavailable
from faqchat.events import Done
from tests.e2e.visit import ANSWER, QUESTION, SAID, first_only, refused
from tests.scripted_openai import answer, failure, reset


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


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_says_so_and_can_be_asked_again(visit, chat, status):
    seller = visit(chat)
    seller.page.route("**/v1/chat/stream", first_only(lambda route: route.fulfill(**refused(status))))
    seller.send(QUESTION)
    expect(seller.notices).to_have_text("지금 이용자가 많습니다.다시 시도")
    expect(seller.notices).to_have_attribute("role", "alert")
    seller.part("retry").click()
    assert seller.answered(QUESTION).startswith(ANSWER)
    expect(seller.notices).to_have_count(0)


def test_an_answer_that_could_not_have_been_resumed_is_as_good_as_any(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.is_told(SAID, Done(outcome="answered", degraded=("turns",)))
    assert seller.ask(QUESTION) == SAID
    expect(seller.notices).to_have_count(0)


def test_a_conversation_whose_time_is_over_is_told_and_leaves_the_list(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.ask(QUESTION)
    chat.http.delete(f"/v1/sessions/{seller.session_id()}").raise_for_status()
    seller.page.reload()
    expect(seller.notices).to_contain_text("보관 기간이 지난 대화")
    expect(seller.welcome).to_be_visible()
    assert seller.remembered()["list"] == []
