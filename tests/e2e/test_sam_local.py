"""The functions as `make build` leaves them, in containers: what is imported is in the layers, and the handlers answer.

It takes minutes and a Docker engine, so it runs when asked to: `make e2e-sam`.
"""

import statistics

import pytest

from faqchat.events import DECLINED
from tests.e2e.product import id_of
from tests.e2e.sam import SamLocal, durations, missing, timed

QUESTION = "반품 배송비는 누가 내나요?"
ANSWER = "구매자의 마음이 바뀐 반품은 구매자가"
WARM_TURNS = 10


@pytest.fixture(scope="module")
def sam(request, tmp_path_factory):
    """`sam local` on the services of the running stack."""
    if not request.config.getoption("--sam"):
        pytest.skip("containers take minutes: make e2e-sam runs this")
    if reason := missing():
        pytest.skip(reason)
    product = request.getfixturevalue("product")
    with SamLocal(tmp_path_factory.mktemp("sam"), product.layout) as sam:
        yield sam


@pytest.fixture(scope="module")
def api(sam):
    with sam.api() as api:
        yield api


@pytest.fixture(scope="module")
def first(api):
    """The first turn of a conversation, and of the container."""
    turn, _ = timed(api, QUESTION)
    return turn


def test_a_question_is_answered_with_its_sources_and_offers(first):
    assert first["outcome"] == "answered"
    assert first["answer"].startswith(ANSWER)
    assert first["sources"][0]["faq_id"] == id_of("반품 배송비")
    assert 2 <= len(first["followups"]) <= 3
    assert first["degraded"] == []


def test_every_part_is_reached_from_inside_the_container(api):
    response = api.get("/readyz")
    assert response.status_code == 200
    assert set(response.json()["parts"].values()) == {"ok"}, response.text


def test_a_second_turn_goes_on_with_the_conversation(api, first):
    turn, _ = timed(api, "그럼 요청이 들어오면 무엇부터 하나요?", session_id=first["session_id"])
    assert turn["sources"][0]["faq_id"] == id_of("반품 요청")
    turns = api.get(f"/v1/sessions/{first['session_id']}").json()["turns"]
    assert [turn["message"] for turn in turns] == [QUESTION, "그럼 요청이 들어오면 무엇부터 하나요?"]


def test_what_is_not_about_the_store_is_declined(api):
    turn, _ = timed(api, "오늘 저녁에 여의도 가려는데 맛집 추천좀 해줄래?")
    assert (turn["outcome"], turn["answer"]) == ("declined", DECLINED)


def test_a_message_that_is_too_long_is_a_problem_not_a_crash(api):
    response = api.post("/v1/chat", json={"message": "가" * 2_001})
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_the_page_is_in_the_package(api):
    assert "<!doctype html>" in api.get("/").text.lower()


def test_a_warm_container_answers_at_once(api, first, sam, capsys):
    seconds = [timed(api, QUESTION)[1] for _ in range(WARM_TURNS)]
    cold, *_ = durations(sam.log.read_text("utf-8"))
    warm = statistics.median(durations(sam.log.read_text("utf-8"))[-WARM_TURNS:])
    with capsys.disabled():
        print(f"\nsam local start-api: cold {cold:.1f} s, warm {warm * 1_000:.0f} ms in the container;", end=" ")
        print(f"{statistics.median(seconds) * 1_000:.0f} ms with SAM CLI around it (medians of {WARM_TURNS} turns)")
    assert warm < cold / 4


def test_ingest_tells_where_it_stands(sam, capsys):
    answer = sam.invoke("IngestFunction", {"action": "status"})
    with capsys.disabled():
        print(f"\nsam local invoke IngestFunction: {answer.duration_s:.1f} s from a cold start; {answer.result}")
    assert "errorMessage" not in answer.result, answer.result
    assert isinstance(answer.result["runs"], list)


def test_an_event_that_ingest_does_not_know_is_refused(sam):
    answer = sam.invoke("IngestFunction", {"action": "dance"})
    assert answer.result["errorType"] == "ValueError"
