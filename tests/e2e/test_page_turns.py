"""The page: a turn that is stopped, cut off, reloaded or asked for again is neither lost nor told twice."""

from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from faqchat.conversation import new_turn_id
from faqchat.events import Delta, Done, Start, encode_sse
from tests.e2e.product import Chat, until
from tests.e2e.visit import QUESTION, SAID, first_only, refused
from tests.e2e.wire import Wire
from tests.scripted_openai import answer, hang, pause

LINES = [f"{letter} {SAID}" for letter in "가나다라마바사아자차"]


def slowly():
    """An answer that takes two and a half seconds, a line at a time."""
    return answer(*(step for line in LINES for step in (f"{line}\n", pause(0.25))))


@pytest.fixture(scope="module")
def patient_chat(product, _scripted_server):
    """A client of a chat server that waits as long as usual for a page to come back."""
    with product.another_chat(
        FAQCHAT_CHAT_MODEL="scripted", FAQCHAT_CHAT_BASE_URL=_scripted_server.base_url
    ) as patient:
        yield patient


@contextmanager
def behind_a_wire(chat):
    """A chat server, and the wire that leads there."""
    with Wire(int(chat.url.rpartition(":")[2])) as wire:
        far = Chat(f"http://{wire.host}:{wire.port}")
        yield far, wire
        far.http.close()


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


def test_stop_asks_the_server_to_stop_and_reads_on_to_the_end(visit, model_chat, model):
    seller = visit(model_chat)
    model.chat.append(answer(f"{SAID}\n", hang()))
    seller.send(QUESTION)
    expect(seller.answers).to_have_text(SAID)
    with seller.page.expect_response("**/v1/turns/*/cancel") as cancelled:
        seller.stop.click()
    assert cancelled.value.status == 202
    expect(seller.notices).to_have_attribute("data-kind", "cancelled")
    expect(seller.stop).to_be_hidden()


def test_a_stop_before_the_turn_has_a_name_is_sent_as_soon_as_it_has_one(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    held = []
    seller.page.route("**/v1/chat/stream", lambda route: held.append(route))  # noqa: PLW0108 # playwright wants a function
    seller.page.route("**/v1/turns/*/cancel", lambda route: route.fulfill(status=202, json={}))
    seller.send(QUESTION)
    seller.stop.click()
    turn_id = new_turn_id()
    start = Start(session_id="s" * 32, turn_id=turn_id, model="m")
    told = (start, Delta(text=SAID), Done(outcome="cancelled"))
    body = b"".join(encode_sse(event, f"{turn_id}:{number}") for number, event in enumerate(told))
    with seller.page.expect_request(f"**/v1/turns/{turn_id}/cancel"):
        held[0].fulfill(content_type="text/event-stream", body=body)
    expect(seller.answers).to_have_text(SAID)
    expect(seller.notices).to_have_attribute("data-kind", "cancelled")


@pytest.mark.parametrize("happens", ["nothing", "refusal"])
def test_a_stop_that_the_server_does_not_heed_ends_the_answer_on_the_page(visit_at_desk, model_chat, model, happens):
    seller = visit_at_desk(model_chat)
    treat = {
        "nothing": lambda route: route.fulfill(status=202, json={}),
        "refusal": lambda route: route.abort(),
    }
    seller.page.route("**/v1/turns/*/cancel", treat[happens])
    model.chat.append(answer(f"{SAID}\n", pause(1.5), "판매자가 냅니다.\n", hang()))
    seller.send(QUESTION)
    expect(seller.answers).to_have_text(SAID)
    seller.stop.click()
    expect(seller.notices).to_have_attribute("data-kind", "cancelled", timeout=4_000)
    expect(seller.stop).to_be_hidden()


def test_a_connection_that_breaks_in_the_middle_is_taken_up_again(visit, patient_chat, model):
    with behind_a_wire(patient_chat) as (far, wire):
        seller = visit(far)
        asked = seller.requests("/v1/chat/stream")
        model.chat.append(slowly())
        seller.send(QUESTION)
        expect(seller.answers).to_contain_text(LINES[1])
        wire.cut()
        expect(seller.notices).to_have_text("다시 연결하고 있습니다.")
        wire.mend()
        expect(seller.answers.locator("p")).to_have_text(LINES)
        expect(seller.stop).to_be_hidden()
        expect(seller.notices).to_have_count(0)
        assert len(asked) == 1
        (turn,) = until(lambda: patient_chat.turns(seller.session_id()))
        assert turn["answer"].split("\n")[: len(LINES)] == LINES
        assert turn["outcome"] == "answered"


def test_an_answer_that_cannot_be_taken_up_again_can_still_be_had_and_is_not_asked_for_twice(
    visit_at_desk, patient_chat, model
):
    with behind_a_wire(patient_chat) as (far, wire):
        seller = visit_at_desk(far)
        seller.page.route("**/v1/turns/*/events", lambda route: route.fulfill(**refused(404)))
        model.chat.append(slowly())
        seller.send(QUESTION)
        expect(seller.answers).to_contain_text(LINES[1])
        wire.cut()
        wire.mend()
        expect(seller.notices).to_contain_text("답변을 끝까지 받지 못했습니다")
        seller.part("retry").click()
        expect(seller.answers.locator("p")).to_have_text(LINES)
        expect(seller.stop).to_be_hidden()
        expect(seller.questions).to_have_count(1)
        assert len(patient_chat.turns(seller.session_id())) == 1


@pytest.mark.parametrize(
    "treatment",
    [lambda route: route.abort("connectionreset"), lambda route: route.fulfill(**refused(409))],
    ids=["reset", "still running"],
)
def test_a_question_that_nothing_came_of_is_sent_again_under_the_same_key(visit, chat, treatment):
    seller = visit(chat)
    asked = seller.requests("/v1/chat/stream")
    seller.page.route("**/v1/chat/stream", first_only(treatment))
    assert seller.ask(QUESTION)
    expect(seller.notices).to_have_count(0)
    keys = [request.headers["idempotency-key"] for request in asked]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert asked[0].post_data == asked[1].post_data


def test_a_reload_in_the_middle_of_an_answer_goes_on_with_it(visit, patient_chat, model):
    seller = visit(patient_chat)
    model.chat.append(slowly())
    seller.send(QUESTION)
    expect(seller.answers).to_contain_text(LINES[1])
    seller.page.reload()
    expect(seller.questions).to_have_text([QUESTION])
    expect(seller.answers.locator("p")).to_have_text(LINES)
    expect(seller.stop).to_be_hidden()
    expect(seller.notices).to_have_count(0)
    assert len(patient_chat.turns(seller.session_id())) == 1
    seller.page.reload()
    expect(seller.answers.locator("p")).to_have_text(LINES)
    expect(seller.questions).to_have_count(1)


def test_a_reload_before_anything_came_asks_again_under_the_same_key(visit, chat):
    seller = visit(chat)
    asked = seller.requests("/v1/chat/stream")
    seller.page.route("**/v1/chat/stream", first_only(lambda route: None))
    with seller.page.expect_request("**/v1/chat/stream"):
        seller.send(QUESTION)
    seller.page.reload()
    expect(seller.questions).to_have_text([QUESTION])
    expect(seller.part("copy")).to_have_count(1)
    first, second = asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.post_data == second.post_data
    assert len(chat.turns(seller.session_id())) == 1


def test_another_answer_takes_the_place_of_the_last(visit, model_chat, model):
    seller = visit(model_chat)
    model.chat += [
        answer("구매자가 냅니다."),
        answer("구매자의 마음이 바뀌면 구매자가 냅니다."),
        answer("판매자가 냅니다."),
    ]
    seller.ask(QUESTION)
    seller.ask("언제요?")
    expect(seller.part("regenerate")).to_have_count(1)
    latest = model_chat.turns(seller.session_id())[-1]["turn_id"]

    with seller.asking() as asked:
        seller.part("regenerate").click()
    assert asked["replaces"] == latest
    assert asked["message"] == "언제요?"
    expect(seller.answers).to_have_text(["구매자가 냅니다.", "판매자가 냅니다."])
    expect(seller.stop).to_be_hidden()
    expect(seller.questions).to_have_count(2)
    seller.page.reload()
    expect(seller.answers).to_have_text(["구매자가 냅니다.", "판매자가 냅니다."])


def test_another_answer_that_is_refused_leaves_the_one_there_was(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    said = seller.ask(QUESTION)
    seller.page.route("**/v1/chat/stream", lambda route: route.fulfill(**refused(503)))
    seller.part("regenerate").click()
    expect(seller.notices).to_have_attribute("data-kind", "error")
    expect(seller.answers).to_have_count(1)
    assert seller.answers.inner_text() == said
    seller.page.unroute_all()
    seller.part("regenerate").click()
    expect(seller.notices).to_have_count(0)
    expect(seller.answers).to_have_count(1)
