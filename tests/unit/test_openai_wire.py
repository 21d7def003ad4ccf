"""What OpenAI's clients send becomes the turns that this chat knows, and its turns become what they read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion as TheirCompletion
from openai.types.chat import ChatCompletionChunk as TheirChunk

from faqchat.events import MAX_MESSAGE_CHARS, Delta, Done, FollowUp, FollowUps, Source, Sources, Start, Usage
from faqchat.openai_reply import CompletionStream, completion, tail
from faqchat.openai_wire import ChatCompletionRequest, Unusable, param_of, past, question
from faqchat.reply import collect
from tests.fakes import FAQ, World

TURN_ID = "019b77dc4a00" + "0" * 32
SETTLEMENT, SHIPPING = FAQ[2].question, FAQ[3].question
OFFER = "발송처리는 어떻게 하는지 안내해 드릴까요?"


@pytest.fixture
async def catalogue():
    return await (await World().ingested()).catalogues.current()


def request(*messages, **more):
    return ChatCompletionRequest(
        messages=[dict(zip(("role", "content"), said, strict=True)) for said in messages], **more
    )


def turns(catalogue, *messages, limit=6):
    return past(request(*messages, ("user", "그럼 언제요?")), catalogue, limit)


class TestQuestion:
    def test_it_is_the_last_message(self):
        assert question(request(("user", "안녕하세요"), ("assistant", "네"), ("user", "정산은요?"))) == "정산은요?"

    def test_it_may_come_in_parts_of_text(self):
        parts = [{"type": "text", "text": "정산은"}, {"type": "text", "text": "언제 되나요?"}]
        assert question(request(("user", parts))) == "정산은\n언제 되나요?"

    @pytest.mark.parametrize(
        "more",
        [
            {"n": 1, "temperature": 0.2, "max_tokens": 5, "seed": 1, "user": "u", "metadata": {"a": "b"}},
            {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"},
            {"tool_choice": "none", "response_format": {"type": "text"}},
            {"stream": None, "n": None, "tool_choice": None, "response_format": None, "stream_options": None},
        ],
    )
    def test_what_does_not_change_the_answer_is_ignored(self, more):
        assert question(request(("user", "정산은요?"), model="gpt-anything", **more)) == "정산은요?"

    @pytest.mark.parametrize(
        ("messages", "more", "param"),
        [
            ([("user", "정산은요?")], {"n": 2}, "n"),
            ([("user", "정산은요?")], {"n": 0}, "n"),
            ([("user", "정산은요?")], {"tool_choice": "required"}, "tool_choice"),
            ([("user", "정산은요?")], {"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
            ([("user", "정산은요?")], {"response_format": {"type": "json_object"}}, "response_format"),
            ([("user", "정산은요?"), ("assistant", "네")], {}, "messages[1].role"),
            ([("system", "친절하게")], {}, "messages[0].role"),
            (
                [("system", "친절하게"), ("user", [{"type": "text", "text": "이건"}, {"type": "image_url"}])],
                {},
                "messages[1].content[1].type",
            ),
        ],
    )
    def test_what_cannot_be_done_is_refused_by_its_name(self, messages, more, param):
        with pytest.raises(Unusable) as refused:
            question(request(*messages, **more))
        assert refused.value.param == param


class TestPast:
    def test_each_message_of_the_user_is_a_turn_with_its_answer(self, catalogue):
        first, second = turns(
            catalogue,
            ("system", "항상 영어로 답해라"),
            ("assistant", "무엇을 도와드릴까요?"),
            ("user", "정산이 늦어요"),
            ("assistant", "확인해 보겠습니다."),
            ("assistant", None),
            ("tool", "결과"),
            ("assistant", "다음 영업일입니다."),
            ("developer", "간단히"),
            ("user", "수수료도요"),
        )
        assert (first.message, first.answer) == ("정산이 늦어요", "확인해 보겠습니다.\n다음 영업일입니다.")
        assert (second.message, second.answer) == ("수수료도요", "")

    def test_an_answer_is_read_back_as_it_was_before_it_was_shown(self, catalogue):
        sources = [source(SETTLEMENT), source(SHIPPING)]
        followups = [FollowUp(faq_id=catalogue.named["발송처리는어떻게하나요"], text=OFFER)]
        answer = "다음 영업일입니다. [1]\n- 목록은 그대로 [2]"
        (turn,) = turns(catalogue, ("user", "돈은요?"), ("assistant", answer + tail(answer, sources, followups)))
        assert turn.answer == answer
        assert [found.question for found in turn.sources] == [SETTLEMENT, SHIPPING]
        assert turn.followups == tuple(followups)

    def test_a_message_that_takes_up_an_offer_names_its_source(self, catalogue):
        offered = f"다음 영업일입니다.\n\n- {OFFER}"
        *_, by_text = turns(catalogue, ("user", "돈은요?"), ("assistant", offered), ("user", OFFER), ("assistant", "…"))
        *_, by_yes = turns(catalogue, ("user", "돈은요?"), ("assistant", offered), ("user", "네"), ("assistant", "…"))
        assert [turn.sources[0].question for turn in (by_text, by_yes)] == [SHIPPING, SHIPPING]

    @pytest.mark.parametrize(
        "answer",
        ["- 목록\n- 끝", "출처 [1] 모르는 글", "", "\n\n", "- ", "출처 [1] ", f"- {OFFER}라고 물어보세요"],
    )
    def test_lines_that_name_no_entry_are_the_answer(self, catalogue, answer):
        (turn,) = turns(catalogue, ("user", "돈은요?"), ("assistant", answer))
        assert turn.answer == answer.strip()
        assert (turn.sources, turn.followups) == ((), ())

    @pytest.mark.parametrize(("limit", "kept"), [(0, []), (1, ["셋"]), (2, ["둘", "셋"]), (9, ["하나", "둘", "셋"])])
    def test_only_the_latest_turns_count(self, catalogue, limit, kept):
        said = turns(catalogue, ("user", "하나"), ("user", "둘"), ("user", "셋"), limit=limit)
        assert [turn.message for turn in said] == kept

    def test_a_message_that_would_not_have_been_taken_is_cut(self, catalogue):
        (turn,) = turns(catalogue, ("user", "가" * 900_000), ("assistant", "네"))
        assert len(turn.message) == MAX_MESSAGE_CHARS


@pytest.mark.parametrize(
    ("place", "param"),
    [
        (("messages", 0, "content", "str"), "messages[0].content"),
        (("messages", 2, "content", "list[ContentPart]", 0, "type"), "messages[2].content"),
        (("stream_options", "include_usage"), "stream_options.include_usage"),
        ((), None),
        ((1,), None),
    ],
)
def test_a_place_is_named_as_openai_names_it(place, param):
    assert param_of(place) == param


def source(question):
    return Source(faq_id="0" * 12, question=question, score=1.0, excerpt="")


def turn(*texts, usage=None, sources=(), followups=()):
    return (
        Start(session_id="A" * 32, turn_id=TURN_ID, model="scripted"),
        Sources(sources=sources),
        *(Delta(text=text) for text in texts),
        FollowUps(followups=followups),
        Done(outcome="answered", usage=usage or Usage()),
    )


def chunks_of(events, include_usage=False):
    stream = CompletionStream(include_usage=include_usage)
    said = b"".join(stream.encode(event, "") for event in events).decode()
    *chunks, done = said.removesuffix("\n\n").split("\n\n")
    assert done == "data: [DONE]"
    return [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]


async def whole(events):
    async def said():
        for event in events:
            yield event

    return completion(await collect(said()))


class TestReply:
    def test_chunks_are_what_the_official_client_expects(self):
        for chunk in chunks_of(turn("가", "나", usage=Usage(prompt_tokens=3, completion_tokens=2)), include_usage=True):
            TheirChunk.model_validate(chunk, strict=True)

    async def test_a_completion_is_what_the_official_client_expects(self):
        said = TheirCompletion.model_validate((await whole(turn("가", "나"))).model_dump(), strict=True)
        assert (said.choices[0].message.content, said.choices[0].finish_reason) == ("가나", "stop")

    def test_usage_comes_last_and_only_where_it_is_wanted(self):
        asked = turn("가", usage=Usage(prompt_tokens=3, cached_tokens=1, completion_tokens=2))
        *chunks, last = chunks_of(asked, include_usage=True)
        assert (last["choices"], last["usage"]["total_tokens"]) == ([], 5)
        assert last["usage"]["prompt_tokens_details"] == {"cached_tokens": 1}
        assert {chunk["usage"] for chunk in chunks} == {None}
        assert all("usage" not in chunk and chunk["choices"] for chunk in chunks_of(asked))

    def test_only_the_last_choice_has_an_end_and_what_only_this_chat_says(self):
        *chunks, last = chunks_of(turn("가", sources=[source(SETTLEMENT)]))
        assert last["choices"][0]["finish_reason"] == "stop"
        assert last["faqchat"]["sources"][0]["question"] == SETTLEMENT
        assert {chunk["choices"][0]["finish_reason"] for chunk in chunks} == {None}
        assert not any("faqchat" in chunk for chunk in chunks)

    @given(st.lists(st.text()), st.integers(0, 3), st.integers(0, 3))
    async def test_the_chunks_together_are_the_completion(self, texts, sources, offers):
        said = turn(
            *texts,
            sources=[source(f"[{n}] 질문") for n in range(sources)],
            followups=[FollowUp(faq_id="0" * 12, text=f"{n}번") for n in range(offers)],
        )
        chunks = chunks_of(said)
        together = await whole(said)
        shown = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        assert shown == together.choices[0].message.content
        assert chunks[-1]["faqchat"] == json.loads(together.faqchat.model_dump_json())

    @pytest.mark.parametrize(
        ("answer", "shown"),
        [
            ("둘입니다. [2] 하나입니다. [1][2]", "\n\n출처 [1] 하나\n출처 [2] 둘"),
            ("둘입니다. [2]", "\n\n출처 [2] 둘"),
            ("[판매관리]에서 봅니다. [0] [9] [100]", "\n\n출처 [1] 하나"),
        ],
    )
    def test_the_sources_shown_are_those_that_are_cited_or_else_the_first(self, answer, shown):
        assert tail(answer, [source("하나"), source("둘")], []) == shown

    def test_nothing_follows_an_answer_that_has_neither_sources_nor_offers(self):
        assert tail("안녕하세요! [1]", [], []) == ""
