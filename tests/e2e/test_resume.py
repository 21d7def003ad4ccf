"""A connection that breaks and a stop from elsewhere, over real HTTP: nothing lost, repeated or paid twice."""

import random
import threading
import time
from uuid import uuid4

import pytest

from tests.e2e.product import Stream
from tests.scripted_openai import answer, pause, thought
from tests.scripted_openai import until as once

QUESTION = "반품 배송비는 누가 내나요?"
SAID = ("구매자의 사정이면 구매자가 냅니다. [1]\n", "상품에 문제가 있으면 판매자가 냅니다. [1]\n")
CUTS = 50


def events_url(turn_id):
    return f"/v1/turns/{turn_id}/events"


def resume(chat, last_event_id):
    return chat.http.stream(
        "GET", events_url(last_event_id.partition(":")[0]), headers={"Last-Event-ID": last_event_id}
    )


def frames(body):
    """The frames of a stream, comments left out."""
    return [frame for frame in body.split(b"\n\n") if frame and not frame.startswith(b":")]


def id_of_frame(frame):
    return next(line for line in frame.decode().splitlines() if line.startswith("id: ")).removeprefix("id: ")


def test_a_stream_cut_anywhere_and_resumed_is_byte_for_byte_the_whole_one(model_chat, model):
    """50 random cut points, in the middle of frames and characters too, while the model is still writing."""
    chance = random.Random(20_261_123)
    with model_chat.http.stream("POST", "/v1/chat/stream", json={"message": QUESTION}) as response:
        size = len(b"".join(response.iter_bytes()))
    tried = 0
    while tried < CUTS:
        model.chat.append(answer(*(step for line in SAID for step in (line, pause(0.05)))))
        cut, received = chance.randrange(size), b""
        with model_chat.http.stream("POST", "/v1/chat/stream", json={"message": QUESTION}) as response:
            for piece in response.iter_bytes(chance.randrange(1, 400)):
                received += piece
                if len(received) >= cut:
                    break
        whole = frames(received.rpartition(b"\n\n")[0])
        if not whole:  # cut before the first event: the client begins again, with its key
            continue
        tried += 1
        turn_id = id_of_frame(whole[0]).partition(":")[0]
        rest = b""
        with resume(model_chat, id_of_frame(whole[-1])) as response:
            assert response.status_code in (200, 204)
            rest = b"".join(response.iter_bytes())
        again = model_chat.http.get(events_url(turn_id))
        assert [*whole, *frames(rest)] == frames(again.content)
        assert frames(again.content)[-1].startswith(b"event: done")


def test_a_reader_comes_back_while_the_model_is_still_writing(model_chat, model):
    gate = threading.Event()
    model.chat.append(answer(SAID[0], once(gate), SAID[1]))
    with model_chat.stream(QUESTION) as stream:
        seen = stream.until("delta")
    with resume(model_chat, seen[-1].id) as response:
        gate.set()
        rest = list(Stream(response))
    assert SAID[1].strip() in "".join(event.data["text"] for event in rest if event.name == "delta")
    assert rest[-1].data["outcome"] == "answered"
    assert len(model.exchanges) == 1, "the model was asked once"


def test_cancelling_stops_a_slow_model_within_a_second_and_keeps_what_was_said(model_chat, model):
    model.chat.append(answer(SAID[0], *([pause(0.2), "계속 "] * 100)))
    with model_chat.stream(QUESTION) as stream:
        seen = stream.until("delta")
        asked = time.monotonic()
        answered = model_chat.http.post(f"/v1/turns/{seen[0].data['turn_id']}/cancel")
        assert model.exchanges[0].client_left.wait(5)
        stopped_after = time.monotonic() - asked
        rest = list(stream)
    assert (answered.status_code, answered.json()["status"]) == (202, "cancelling")
    assert stopped_after < 1, stopped_after
    assert (rest[-1].name, rest[-1].data["outcome"]) == ("done", "cancelled")
    (kept,) = model_chat.turns(seen[0].data["session_id"])
    assert (kept["outcome"], kept["answer"]) == ("cancelled", SAID[0].strip())


def test_cancelling_stops_a_model_that_has_said_nothing_yet(model_chat, model):
    model.chat.append(answer(*([pause(0.2), thought("흠 ")] * 100), "답"))
    with model_chat.stream(QUESTION) as stream:
        seen = stream.until("sources")
        assert model.arrived.wait(5)
        asked = time.monotonic()
        model_chat.http.post(f"/v1/turns/{seen[0].data['turn_id']}/cancel")
        assert model.exchanges[0].client_left.wait(5)
        assert time.monotonic() - asked < 1
        assert list(stream)[-1].data["outcome"] == "cancelled"


def test_stop_and_resume_work_together(model_chat, model):
    model.chat.append(answer(SAID[0], *([pause(0.2), "계속 "] * 100)))
    with model_chat.stream(QUESTION) as stream:
        seen = stream.until("delta")
    with resume(model_chat, seen[-1].id) as response:
        model_chat.http.post(f"/v1/turns/{seen[0].data['turn_id']}/cancel")
        rest = list(Stream(response))
    assert [(event.name, event.data["outcome"]) for event in rest] == [("done", "cancelled")]
    assert (
        model_chat.http.get(events_url(seen[0].data["turn_id"]), headers={"Last-Event-ID": rest[-1].id}).status_code
        == 204
    )


class TestIdempotency:
    @pytest.fixture
    def key(self):
        return {"Idempotency-Key": str(uuid4())}

    @pytest.mark.parametrize("door", ["/v1/chat/stream", "/v1/chat"])
    def test_a_repeat_replays_and_costs_nothing(self, model_chat, model, key, door):
        model.chat.append(answer(*SAID))
        first = model_chat.http.post(door, json={"message": QUESTION}, headers=key)
        again = model_chat.http.post(door, json={"message": QUESTION}, headers=key)
        assert frames(again.content) == frames(first.content)
        assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
        assert len(model.exchanges) == 1

    def test_a_repeat_while_it_runs_is_a_conflict_and_another_body_is_refused(self, model_chat, model, key):
        gate = threading.Event()
        model.chat.append(answer(SAID[0], once(gate), SAID[1]))
        with model_chat.http.stream("POST", "/v1/chat/stream", json={"message": QUESTION}, headers=key) as response:
            stream = Stream(response)
            stream.until("delta")
            again = model_chat.http.post("/v1/chat/stream", json={"message": QUESTION}, headers=key)
            other = model_chat.http.post("/v1/chat/stream", json={"message": "정산은 언제 되나요?"}, headers=key)
            gate.set()
            assert list(stream)[-1].name == "done"
        assert (again.status_code, other.status_code) == (409, 422)
        assert {again.headers["content-type"], other.headers["content-type"]} == {"application/problem+json"}


def test_feedback_is_shown_with_the_conversation(chat):
    turn = chat.ask(QUESTION)
    url = f"/v1/turns/{turn['start']['turn_id']}/feedback"
    assert chat.http.post(url, json={"rating": "up"}).status_code == 204
    assert (
        chat.http.post(url, json={"rating": "down", "reason": "incomplete", "comment": "금액이 없어요"}).status_code
        == 204
    )
    (kept,) = chat.turns(turn.session_id)
    assert (kept["feedback"]["rating"], kept["feedback"]["reason"]) == ("down", "incomplete")


def test_another_answer_replaces_the_last_one(chat):
    turn = chat.ask(QUESTION)
    request = {"message": QUESTION, "session_id": turn.session_id, "replaces": turn["start"]["turn_id"]}
    again = chat.http.post("/v1/chat", json=request).json()
    assert [kept["turn_id"] for kept in chat.turns(turn.session_id)] == [again["turn_id"]]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/cancel"), ("GET", "/events"), ("POST", "/feedback")],
    ids=["cancel", "events", "feedback"],
)
def test_a_turn_that_never_was_is_not_found(chat, method, path):
    body = {"json": {"rating": "up"}} if path == "/feedback" else {}
    refused = chat.http.request(method, f"/v1/turns/{'0' * 44}{path}", **body)
    assert (refused.status_code, refused.json()["status"]) == (404, 404)


def test_an_event_id_of_another_turn_is_refused(chat):
    refused = chat.http.get(events_url("0" * 44), headers={"Last-Event-ID": f"{'1' * 44}:3"})
    assert refused.status_code == 422


def test_deleting_a_conversation_deletes_what_its_turns_said(chat):
    turn = chat.ask(QUESTION)
    turn_id = turn["start"]["turn_id"]
    assert chat.http.get(events_url(turn_id)).status_code == 200
    chat.http.delete(f"/v1/sessions/{turn.session_id}").raise_for_status()
    assert chat.http.get(events_url(turn_id)).status_code == 404
