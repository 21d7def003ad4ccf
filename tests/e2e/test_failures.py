"""The parts behind a chat server go away one at a time, and come back: sellers are answered all the while."""

import os
import signal

import pytest

from tests.e2e.product import id_of, until

QUESTION = "반품 배송비는 누가 내나요?"
ANSWER = "구매자의 마음이 바뀐 반품은 구매자가"


def answered(chat):
    turn = chat.ask(QUESTION)
    assert turn.outcome == "answered"
    assert turn.source_ids[0] == id_of("반품 배송비")
    assert turn.text.startswith(ANSWER)
    assert 2 <= len(turn.offers) <= 3
    return turn


def not_ok(parts):
    return {name for name, state in parts.items() if state != "ok"}


@pytest.mark.parametrize("part", ["vectors", "embeddings"])
def test_without_vectors_or_embeddings_keywords_answer_and_the_next_answer_is_whole(fragile_chat, wires, part):
    getattr(wires, part).cut()
    assert answered(fragile_chat).degraded == [part]
    status, parts = fragile_chat.readiness()
    assert status == 200, "questions can be answered"
    assert not_ok(parts) == {part}

    getattr(wires, part).mend()
    until(lambda: answered(fragile_chat).degraded == [])
    assert not_ok(fragile_chat.readiness()[1]) == set()


@pytest.mark.parametrize("part", ["vectors", "embeddings"])
def test_vectors_or_embeddings_that_hang_cost_their_timeout_and_no_more(fragile_chat, wires, part):
    getattr(wires, part).freeze()
    turn = answered(fragile_chat)
    assert turn.degraded == [part]
    assert 1_900 < turn["done"]["timings_ms"]["total"] < 4_000

    getattr(wires, part).mend()
    until(lambda: answered(fragile_chat).degraded == [])


def test_what_is_not_about_the_store_is_declined_without_vectors_too(fragile_chat, wires):
    wires.vectors.cut()
    turn = fragile_chat.ask("오늘 저녁에 여의도 가려는데 맛집 추천좀 해줄래?")
    assert turn.outcome == "declined"
    assert turn.degraded == ["vectors"]


def test_without_the_table_the_seller_is_answered_and_the_next_conversation_is_kept(fragile_chat, wires):
    session = answered(fragile_chat).session_id
    wires.aws.cut()
    turn = answered(fragile_chat)
    assert turn.degraded == ["history"]
    assert fragile_chat.ask(QUESTION, session).degraded == ["history"], "in the middle of a conversation too"
    refused = fragile_chat.http.get(f"/v1/sessions/{session}")
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    status, parts = fragile_chat.readiness()
    assert status == 200
    assert not_ok(parts) == {"history"}

    wires.aws.mend()
    assert answered(fragile_chat).degraded == []
    assert len(fragile_chat.turns(session)) == 1, "what was stored before is still there"
    assert fragile_chat.ask(QUESTION, session).degraded == []
    assert len(fragile_chat.turns(session)) == 2


def test_with_everything_away_the_faq_in_memory_still_answers(fragile_chat, wires):
    for wire in wires.all:
        wire.cut()
    turn = answered(fragile_chat)
    assert sorted(turn.degraded) == ["embeddings", "history"]
    assert fragile_chat.http.get("/healthz").status_code == 200


def test_a_server_that_has_never_seen_a_faq_says_so_and_answers_as_soon_as_there_is_one(product, wires):
    wires.aws.cut()
    with product.another_chat(**wires.environment) as chat:
        with chat.stream(QUESTION) as stream:
            assert stream.response.status_code == 503
            assert stream.response.headers["content-type"] == "application/problem+json"
            assert "다시 시도해 주세요" in stream.response.read().decode()
        status, parts = chat.readiness()
        assert status == 503
        assert not_ok(parts) == {"catalogue", "history"}

        wires.aws.mend()
        assert answered(chat).degraded == []
        assert chat.readiness()[0] == 200


@pytest.mark.parametrize(("name", "part"), [("vectors", "vectors"), ("embeddings", "embeddings"), ("aws", "history")])
def test_a_service_that_is_killed_is_started_again_and_has_lost_nothing(product, chat, name, part):
    before = answered(chat)
    killed = product.pid(name)
    os.kill(killed, signal.SIGKILL)
    assert set(answered(chat).degraded) <= {part}

    until(lambda: product.pid(name) not in (None, killed), 30)
    until(lambda: answered(chat).degraded == [], 30)
    after = answered(chat)
    assert after.source_ids == before.source_ids
    scores = [source["score"] for source in before["sources"]["sources"]]
    assert [source["score"] for source in after["sources"]["sources"]] == pytest.approx(scores, rel=0.02)
    assert f"{name} ended by itself (by SIGKILL): starting it again" in product.said
