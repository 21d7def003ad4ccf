"""The official OpenAI client asks the running product, and sees nothing that it does not know."""

import asyncio
import threading

import openai
import pytest

from tests.scripted_openai import answer, pause
from tests.scripted_openai import until as once

MODEL = "smartstore-faq"
QUESTION = "반품 배송비는 누가 내나요?"
FROM_THE_FAQ = "구매자의 마음이 바뀐 반품은 구매자가"
FIRST, SECOND = "구매자의 사정이면 구매자가 냅니다. [1]", " 상품에 문제가 있으면 판매자가 냅니다. [1]"
OFFER = "반품 요청이 들어오면 무엇부터 하는지 안내해 드릴까요?"


def messages(*said):
    return [
        {"role": role, "content": content}
        for role, content in zip(("user", "assistant") * len(said), said, strict=False)
    ]


@pytest.fixture
def client(chat):
    """A client of the chat whose answers come from the FAQ itself."""
    with openai.OpenAI(
        base_url=f"{chat.url}/v1",
        api_key="unused",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    ) as client:
        yield client


@pytest.fixture
def model_client(client, model_chat):
    """A client of the chat whose answers a model writes."""
    return client.with_options(base_url=f"{model_chat.url}/v1")


def test_a_completion_is_the_answer_with_its_source_and_its_offers(client):
    said = client.chat.completions.create(model=MODEL, messages=messages(QUESTION))
    (choice,) = said.choices
    assert choice.message.content.startswith(FROM_THE_FAQ)
    assert "\n\n출처 [1] [반품] 반품 배송비" in choice.message.content
    assert f"\n- {OFFER}" in choice.message.content
    assert (choice.finish_reason, said.model) == ("stop", MODEL)
    assert said.faqchat["outcome"] == "answered"
    assert said.faqchat["followups"][0]["text"] == OFFER


def test_the_first_text_arrives_before_the_last_is_written_and_silence_is_no_harm(model_client, model):
    gate = threading.Event()
    model.chat.append(answer(FIRST, SECOND[:3], once(gate), pause(0.3), SECOND[3:]))  # three comment lines long
    try:
        with model_client.chat.completions.create(model=MODEL, messages=messages(QUESTION), stream=True) as stream:
            texts = (chunk.choices[0].delta.content for chunk in stream)
            assert next(filter(None, texts)) == FIRST
            assert not model.exchanges[0].finished.is_set(), "the model is still at it"
            gate.set()
            assert "".join(filter(None, texts)).startswith(f"{SECOND}\n\n출처 [1] [반품] 반품 배송비")
    finally:
        gate.set()


def test_an_asynchronous_client_is_told_what_the_model_cost(model_chat, model):
    async def ask():
        async with (
            openai.AsyncOpenAI(
                base_url=f"{model_chat.url}/v1",
                api_key="unused",
                http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
            ) as client,
            await client.chat.completions.create(
                model=MODEL, messages=messages(QUESTION), stream=True, stream_options={"include_usage": True}
            ) as stream,
        ):
            return [chunk async for chunk in stream]

    model.chat.append(answer(FIRST))
    *chunks, last = asyncio.run(ask())
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:]] == [None, "stop"]
    assert (last.choices, last.usage.prompt_tokens, last.usage.completion_tokens) == ([], 900, 40)
    assert last.usage.prompt_tokens_details.cached_tokens == 512


def test_the_conversation_is_what_the_client_sends(model_client, model):
    model.chat.extend([answer(FIRST), answer(FIRST)])
    first = model_client.chat.completions.create(model=MODEL, messages=messages(QUESTION)).choices[0].message.content
    model_client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "영어로만 답해라"},
            *messages(QUESTION, first, "그럼 판매자는 언제 내나요?"),
        ],
    )
    asked = model.asked[-1]["messages"]
    assert {"role": "user", "content": QUESTION} in asked
    said = FIRST.removesuffix(" [1]")  # its number means nothing beside other sources
    assert {"role": "assistant", "content": said} in asked, "without the lines that only show sources and offers"
    assert "영어로만" not in str(asked)


def test_a_yes_takes_up_what_was_offered(client):
    first = client.chat.completions.create(model=MODEL, messages=messages(QUESTION)).choices[0].message.content
    second = client.chat.completions.create(model=MODEL, messages=messages(QUESTION, first, "네"))
    assert second.choices[0].message.content.startswith("[판매관리 > 반품관리] 메뉴에서 요청을 확인하고")


def test_what_is_not_about_smartstore_is_declined(client):
    said = client.chat.completions.create(model=MODEL, messages=messages("오늘 저녁에 먹을 맛집 추천해줘"))
    assert said.faqchat["outcome"] == "declined"
    assert said.choices[0].message.content.startswith("저는 스마트 스토어 FAQ를 위한 챗봇입니다.")


def test_a_client_that_closes_its_stream_stops_the_model(model_client, model):
    model.chat.append(answer(f"{FIRST}\n", *([pause(0.2), "계속 "] * 60)))
    with model_client.chat.completions.create(model=MODEL, messages=messages(QUESTION), stream=True) as stream:
        next(chunk for chunk in stream if chunk.choices[0].delta.content)
    assert model.exchanges[0].client_left.wait(5), "in the middle of its answer"


def test_the_answer_can_be_rated(client, chat):
    said = client.chat.completions.create(model=MODEL, messages=messages(QUESTION)).faqchat
    chat.http.post(f"/v1/turns/{said['turn_id']}/feedback", json={"rating": "down"}).raise_for_status()
    (turn,) = chat.turns(said["session_id"])
    assert turn["feedback"]["rating"] == "down"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"messages": messages(QUESTION), "n": 2}, "n"),
        ({"messages": messages(QUESTION, "네")}, "messages[1].role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}]},
            "messages[0].content[0].type",
        ),
        ({"messages": messages(" ")}, None),
    ],
)
def test_what_cannot_be_answered_is_the_error_that_the_client_knows(client, asked, param):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, **asked)
    assert (refused.value.type, refused.value.param) == ("invalid_request_error", param)


def test_there_is_one_model(client):
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "faqchat"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.models.retrieve("gpt-4o")
    assert unknown.value.code == "model_not_found"
