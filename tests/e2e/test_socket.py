"""The chat over a WebSocket, as `run.sh` serves it, asked by a real client."""

import json
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.e2e.product import PATIENCE_S
from tests.scripted_openai import answer, pause
from tests.scripted_openai import until as once

QUESTION = {"message": "반품 배송비는 누가 내나요?"}
FROM_THE_FAQ = "구매자의 마음이 바뀐 반품은 구매자가"
FIRST, SECOND = "구매자의 사정이면 구매자가 냅니다. [1]", " 상품에 문제가 있으면 판매자가 냅니다. [1]"


def socket_of(chat, **more):
    return connect(f"{chat.url.replace('http', 'ws', 1)}/v1/chat/ws", proxy=None, **more)


def until(socket, *names):
    messages = []
    while not messages or messages[-1]["event"] not in names:
        messages.append(json.loads(socket.recv(PATIENCE_S)))
    return messages


def text(messages):
    return "".join(message["data"]["text"] for message in messages if message["event"] == "delta")


def test_a_conversation_on_one_socket(chat):
    with socket_of(chat) as socket:
        socket.send(json.dumps(QUESTION))
        first = until(socket, "done")
        session_id, offer = first[0]["data"]["session_id"], first[-2]["data"]["followups"][0]
        socket.send(json.dumps({"message": offer["text"], "session_id": session_id, "followup_id": offer["faq_id"]}))
        second = until(socket, "done")
    assert text(first).startswith(FROM_THE_FAQ)
    assert [turn["answer"] for turn in chat.turns(session_id)] == [text(first), text(second)]


def test_a_sentence_arrives_before_the_next_is_written_and_a_turn_is_read_on_after_a_break(model_chat, model):
    gate = threading.Event()
    model.chat.append(answer(FIRST, SECOND[:3], once(gate), SECOND[3:]))
    try:
        with socket_of(model_chat) as socket:
            socket.send(json.dumps(QUESTION))
            seen = until(socket, "delta")
            assert text(seen) == FIRST
        with socket_of(model_chat) as socket:
            socket.send(json.dumps({"resume": seen[-1]["id"]}))
            gate.set()
            rest = until(socket, "done")
    finally:
        gate.set()
    turn_id = seen[0]["data"]["turn_id"]
    assert [message["id"] for message in [*seen, *rest]] == [f"{turn_id}:{n}" for n in range(len(seen) + len(rest))]
    assert text(rest) == SECOND
    assert len(model.exchanges) == 1, "the model was asked once"


def test_a_turn_is_stopped_within_a_second(model_chat, model):
    model.chat.append(answer(f"{FIRST}\n", *([pause(0.2), "계속 "] * 60)))
    with socket_of(model_chat) as socket:
        socket.send(json.dumps(QUESTION))
        turn_id = until(socket, "delta")[0]["data"]["turn_id"]
        asked = time.monotonic()
        socket.send(json.dumps({"cancel": turn_id}))
        assert model.exchanges[0].client_left.wait(5)
        assert time.monotonic() - asked < 1
        assert until(socket, "done")[-1]["data"]["outcome"] == "cancelled"


def test_what_is_refused_leaves_the_socket_open_unless_it_is_huge(chat):
    with socket_of(chat) as socket:
        for said, status in (("{", 400), ("가" * 30_000, 413), ('{"message": ""}', 422)):
            socket.send(said)
            (refused,) = until(socket, "error")
            assert (refused["id"], refused["data"]["status"]) == (None, status)
        socket.send(json.dumps(QUESTION))
        assert text(until(socket, "done")).startswith(FROM_THE_FAQ)
        socket.send("가" * 1_000_000)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(PATIENCE_S)
    assert closed.value.rcvd.code == 1009


def test_a_page_of_another_origin_is_not_let_in(chat):
    with pytest.raises(InvalidStatus) as refused, socket_of(chat, origin="https://other.example"):
        pass
    assert refused.value.response.status_code == 403
    with socket_of(chat, origin=chat.url) as socket:
        socket.send(json.dumps(QUESTION))
        assert until(socket, "done")
