"""The questions that the assignment names, asked of the running product."""

import os
import signal

from tests.e2e.product import FAQ, id_of, until

MINORS = "미성년자도 판매 회원 등록이 가능한가요?"
DINNER = "오늘 저녁에 여의도 가려는데 맛집 추천좀 해줄래?"
DECLINED = "저는 스마트 스토어 FAQ를 위한 챗봇입니다. 스마트 스토어에 대한 질문을 부탁드립니다."


def all_ids():
    return {id_of(line.split('"')[3]) for line in FAQ.read_text("utf-8").splitlines()}


def test_a_question_on_minors_is_answered_from_its_entry_with_offers_that_can_be_taken_up(chat):
    turn = chat.ask(MINORS)

    assert turn.names == ["start", "sources", "delta", "followups", "done"]
    assert turn.source_ids[0] == id_of("미성년자도 판매 회원")
    assert "만 14세 미만은 등록할 수 없습니다" in turn.text
    assert turn.outcome == "answered"
    assert turn.degraded == []
    offered = [offer["faq_id"] for offer in turn.offers]
    assert 2 <= len(offered) <= 3
    assert set(offered) <= all_ids() - {turn.source_ids[0]}
    assert all(offer["text"].endswith("까요?") for offer in turn.offers)

    for offer in turn.offers:
        taken_up = chat.ask(offer["text"], turn.session_id, offer["faq_id"])
        assert taken_up.source_ids[0] == offer["faq_id"]
        assert taken_up.outcome == "answered"
        assert taken_up.text


def test_an_offer_that_is_typed_out_or_accepted_with_a_bare_yes_is_taken_up_too(chat):
    turn = chat.ask(MINORS)
    first = turn.offers[0]
    assert chat.ask(first["text"], turn.session_id).source_ids[0] == first["faq_id"]

    turn = chat.ask(MINORS)
    assert chat.ask("네, 알려 주세요", turn.session_id).source_ids[0] == turn.offers[0]["faq_id"]


def test_a_question_about_restaurants_is_declined_with_the_one_sentence_and_offers_about_the_store(chat):
    turn = chat.ask(DINNER)

    assert turn.outcome == "declined"
    assert turn.text == DECLINED
    assert turn.source_ids == []
    assert 2 <= len(turn.offers) <= 3
    assert turn.offers[0] == {
        "faq_id": id_of("음식도 스토어에"),
        "text": "반찬 같은 음식도 스토어에 등록할 수 있는지 궁금하신가요?",
    }
    assert {offer["faq_id"] for offer in turn.offers} <= all_ids()


def test_who_said_to_be_eighteen_is_told_the_documents_for_minors(chat):
    said = chat.ask("저는 만 18세입니다")
    turn = chat.ask("그럼 어떤 서류가 필요해요?", said.session_id)

    assert turn.source_ids[0] == id_of("만 14세 이상 만 19세 미만")
    assert "법정대리인 동의서" in turn.text
    assert turn.outcome == "answered"


def test_the_whole_answer_at_once_is_the_stream_collected(chat):
    streamed = chat.ask(MINORS)
    whole = chat.http.post("/v1/chat", json={"message": MINORS}).json()

    assert whole["answer"] == streamed.text
    assert whole["sources"] == streamed["sources"]["sources"]
    assert whole["followups"] == streamed.offers
    assert whole["outcome"] == streamed.outcome


def test_a_conversation_is_found_again_after_kill_9_of_the_chat_server_and_can_be_deleted(product, chat):
    session = chat.ask("저는 만 18세입니다").session_id
    chat.ask(MINORS, session)
    before = chat.turns(session)
    assert [turn["message"] for turn in before] == ["저는 만 18세입니다", MINORS]

    killed = product.pid("chat")
    os.kill(killed, signal.SIGKILL)
    until(lambda: product.pid("chat") not in (None, killed), 30)
    until(lambda: product.answers, 30)

    assert chat.turns(session) == before
    turn = chat.ask("그럼 어떤 서류가 필요해요?", session)
    assert turn.source_ids[0] == id_of("만 14세 이상 만 19세 미만"), "and goes on where it stood"

    assert chat.http.delete(f"/v1/sessions/{session}").status_code == 204
    assert chat.http.get(f"/v1/sessions/{session}").status_code == 404


def test_a_question_that_fits_anything_is_asked_back_and_a_greeting_is_greeted(chat):
    vague = chat.ask("절차를 알려줘")
    assert vague.outcome == "clarify"
    assert vague.source_ids == []
    assert 2 <= len(vague.offers) <= 3

    greeted = chat.ask("안녕하세요")
    assert greeted.outcome == "greeting"
    assert greeted.names == ["start", "delta", "followups", "done"]
