"""One turn, from a message to its events, on fakes."""

import asyncio
from datetime import UTC, datetime

import pytest

from faqchat.chat import GOES_ON
from faqchat.conversation import new_session_id
from faqchat.errors import Busy, InvalidRequest, NotFound, Unavailable
from faqchat.events import DECLINED, ChatRequest, Delta, Done, FollowUps, Problem, Sources, Start
from faqchat.faq import RawEntry, faq_id
from faqchat.grounding import Grounded
from faqchat.guardrail import FOREIGN_PART
from faqchat.persona import PROPRIETOR, Domicile, Persona
from tests.fakes import FAQ, ScriptedModel, World

MINORS, PAPERS, SETTLING = (faq_id(row.question) for row in FAQ[:3])


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def text(events):
    return "".join(event.text for event in only(events, Delta))


async def test_an_answer_comes_in_the_order_of_the_contract():
    world = await World().ingested()
    events = await world.ask("미성년자도 판매자로 가입할 수 있을까요")
    kinds = [event.type for event in events]
    assert kinds[:2] == ["start", "sources"]
    assert kinds[-2:] == ["followups", "done"]
    assert set(kinds[2:-2]) == {"delta"}
    assert only(events, Sources)[0].sources[0].faq_id == MINORS
    assert text(events) == "만 14세 이상이면 가입할 수 있습니다.\n만 14세 미만은 가입할 수 없습니다."
    assert events[-1].outcome == "answered"


async def test_follow_ups_begin_with_what_the_editors_linked_and_never_repeat_the_answer():
    world = await World().ingested()
    offered = only(await world.ask("미성년자도 판매자로 가입할 수 있을까요"), FollowUps)[0].followups
    assert offered[0].faq_id == PAPERS
    assert MINORS not in {offer.faq_id for offer in offered}
    assert offered[0].text == "미성년자는 어떤 서류를 내야 하는지 안내해 드릴까요?"


async def test_the_id_of_an_offer_is_answered_by_the_entry_it_names():
    world = await World().ingested()
    events = await world.ask("네 그거요", followup_id=PAPERS)
    assert only(events, Sources)[0].sources[0].faq_id == PAPERS
    assert "법정대리인 동의서" in text(events)


async def test_an_offer_sent_as_text_is_answered_by_the_entry_it_names():
    world = await World().ingested()
    events = await world.ask("미성년자는 어떤 서류를 내야 하는지 안내해 드릴까요?")
    assert only(events, Sources)[0].sources[0].faq_id == PAPERS


async def test_a_bare_yes_takes_up_the_first_offer():
    world = await World().ingested()
    first = await world.ask("미성년자도 판매자로 가입할 수 있을까요")
    events = await world.ask("네 알려주세요", session_id=first[0].session_id)
    assert only(events, Sources)[0].sources[0].faq_id == PAPERS


async def test_what_is_not_smartstore_is_declined_with_the_fixed_sentence_and_nearby_offers():
    world = await World().ingested()
    events = await world.ask("맛집 추천해 주세요")
    assert text(events) == DECLINED
    assert events[-1].outcome == "declined"
    assert all(offer.text.endswith("궁금하신가요?") for offer in only(events, FollowUps)[0].followups)


async def test_of_a_message_with_two_requests_the_part_that_is_ours_is_answered_and_the_other_declined():
    world = await World().ingested()
    events = await world.ask("정산은 언제 되나요? 그리고 맛집 추천해 줘")
    assert text(events).startswith("구매확정 다음 영업일")
    assert text(events).endswith(FOREIGN_PART)
    assert events[-1].outcome == "answered"


async def test_a_greeting_is_greeted_and_searches_nothing():
    world = await World().ingested()
    world.embedder.down = True
    events = await world.ask("안녕하세요")
    assert events[-1].outcome == "greeting"
    assert events[-1].degraded == ()
    assert len(only(events, FollowUps)[0].followups) >= 2


async def test_a_message_that_could_mean_anything_is_asked_back():
    world = await World().ingested()
    events = await world.ask("절차를 알려줘")
    assert events[-1].outcome == "clarify"
    assert only(events, FollowUps)[0].followups


async def test_the_same_words_after_a_question_are_understood_from_it():
    world = await World().ingested()
    first = await world.ask("발송처리는 어떻게 하나요")
    events = await world.ask("절차를 알려줘", session_id=first[0].session_id)
    assert events[-1].outcome == "answered"


async def test_a_turn_is_stored_before_it_ends():
    world = await World().ingested()
    stored = []
    request = ChatRequest(message="정산은 언제 되나요")
    async for event in world.chat.stream(request):
        if isinstance(event, Start):
            session_id = event.session_id
        if isinstance(event, Done):
            stored = await world.history.recent(session_id, 10)
    assert [turn.message for turn in stored] == ["정산은 언제 되나요"]
    assert stored[0].answer.startswith("구매확정 다음 영업일")
    assert stored[0].sources[0].faq_id == SETTLING
    assert (datetime.now(UTC) - stored[0].asked_at).total_seconds() < 5


async def test_a_client_that_leaves_leaves_a_cancelled_turn_behind():
    world = await World(ScriptedModel("한 마디, ", "두 마디, ", "세 마디")).ingested()
    events = world.chat.stream(ChatRequest(message="정산은 언제 되나요"))
    start = await anext(events)
    async for event in events:
        if isinstance(event, Delta):
            break
    await events.aclose()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    turns = await world.history.recent(start.session_id, 10)
    assert [(turn.outcome, turn.answer) for turn in turns] == [("cancelled", "한 마디, ")]


@pytest.mark.parametrize("error", [Unavailable("HTTP 500"), Busy("HTTP 429")])
async def test_a_model_that_fails_before_its_first_word_is_replaced_by_the_faqs_own(error):
    world = await World(ScriptedModel(error)).ingested()
    events = await world.ask("정산은 언제 되나요")
    assert text(events).startswith("구매확정 다음 영업일")
    assert events[-1].degraded == ("model",)
    turn = (await world.history.recent(events[0].session_id, 1))[0]
    assert (turn.model, turn.degraded) == ("extractive", ("model",))


async def test_a_fallback_model_is_asked_before_the_faq():
    world = await World(ScriptedModel(Unavailable("down")), ScriptedModel("두 번째 모델의 답")).ingested()
    assert text(await world.ask("정산은 언제 되나요")) == "두 번째 모델의 답"


async def test_a_model_that_breaks_off_leaves_the_rest_to_the_faq():
    second = ScriptedModel("두 번째 모델의 답")
    world = await World(ScriptedModel("구매확정 ", Unavailable("reset")), second).ingested()
    events = await world.ask("정산은 언제 되나요")
    assert text(events).startswith(f"구매확정 \n\n{GOES_ON}\n구매확정 다음 영업일에 정산됩니다.")
    assert not second.briefs, "no second model tells it anew"
    assert (events[-1].outcome, events[-1].degraded) == ("answered", ("model",))
    turn = (await world.history.recent(events[0].session_id, 1))[0]
    assert (turn.outcome, turn.answer, turn.model) == ("answered", text(events), "extractive")


async def test_a_failure_that_no_generator_can_make_up_for_ends_the_turn_with_a_problem_and_stores_it():
    world = await World().ingested()
    world.chat._generators = [ScriptedModel("구매확정 ", Unavailable("reset"))]
    events = await world.ask("정산은 언제 되나요")
    assert isinstance(events[-1], Problem)
    assert events[-1].status == 503
    assert not only(events, Done)
    turn = (await world.history.recent(events[0].session_id, 1))[0]
    assert (turn.outcome, turn.answer) == ("failed", "구매확정 ")


async def test_what_the_guard_corrects_is_told_and_stored():
    world = await World(Grounded(ScriptedModel("정산은 9영업일 뒤에 됩니다. [1]"))).ingested()
    events = await world.ask("정산은 언제 되나요")
    assert text(events).startswith("구매확정 다음 영업일에 정산됩니다.")
    assert (events[-1].outcome, events[-1].degraded) == ("answered", ("grounding",))
    turn = (await world.history.recent(events[0].session_id, 1))[0]
    assert (turn.model, turn.degraded) == ("scripted", ("grounding",))


async def test_usage_and_its_price_are_told_and_stored():
    world = await World(ScriptedModel("답")).ingested()
    done = (await world.ask("정산은 언제 되나요"))[-1]
    assert done.usage.prompt_tokens == 1_000
    assert done.cost_usd == pytest.approx(0.0012)


async def test_a_model_reads_the_best_entries_and_what_was_said_before():
    model = ScriptedModel("답")
    world = await World(model).ingested()
    first = await world.ask("정산은 언제 되나요")
    await world.ask("어디서 확인하나요", session_id=first[0].session_id)
    assert model.briefs[0].entries[0].faq_id == SETTLING
    assert [(said.message, said.answer) for said in model.briefs[1].history] == [("정산은 언제 되나요", "답")]


@pytest.mark.parametrize("part", ["embedder", "vectors"])
async def test_without_vectors_keywords_still_answer(part):
    world = await World().ingested()
    getattr(world, part).down = True
    events = await world.ask("정산은 언제 되나요?")
    assert only(events, Sources)[0].sources[0].faq_id == SETTLING
    assert events[-1].degraded == ({"embedder": "embeddings", "vectors": "vectors"}[part],)


async def test_an_answer_is_for_the_seller_as_they_last_described_themselves():
    model = ScriptedModel("답")
    world = await World(model).ingested()
    session = None
    for message in ("저는 해외 법인이에요", "법인 아니고 개인사업자예요", "정산은 언제 되나요"):
        start, *_ = await world.ask(message, session_id=session)
        session = start.session_id
    assert model.briefs[-1].asker == Persona(Domicile.ABROAD, PROPRIETOR)


async def test_without_the_store_of_conversations_questions_are_still_answered():
    world = await World().ingested()
    world.history.down = True
    events = await world.ask("정산은 언제 되나요")
    assert events[-1].outcome == "answered"
    assert events[-1].degraded == ("history",)


async def test_a_published_catalogue_goes_on_serving_when_its_store_is_away():
    world = await World().ingested()
    await world.ask("정산은 언제 되나요")
    world.snapshots.down = True
    assert (await world.ask("정산은 언제 되나요"))[-1].outcome == "answered"


async def test_before_anything_was_ingested_the_answer_is_a_clear_error():
    with pytest.raises(Unavailable, match="ingest"):
        await World().ask("정산은 언제 되나요")


@pytest.mark.parametrize("message", ["", "   ", "\u200b\n"])
async def test_an_empty_message_is_refused_in_korean(message):
    world = await World().ingested()
    with pytest.raises(InvalidRequest, match="질문을 입력"):
        await world.ask(message)


async def test_a_message_over_two_thousand_characters_is_refused():
    world = await World().ingested()
    with pytest.raises(InvalidRequest, match="2,000자"):
        await world.ask("가" * 2_001)


async def test_a_session_that_the_server_did_not_make_is_not_found():
    world = await World().ingested()
    with pytest.raises(NotFound):
        await world.ask("정산은 언제 되나요", session_id=new_session_id())


async def test_an_offer_that_names_no_entry_is_not_found():
    world = await World().ingested()
    with pytest.raises(NotFound):
        await world.ask("정산", followup_id="f" * 12)


async def test_personal_data_reaches_neither_the_model_nor_the_search_nor_the_store():
    model = ScriptedModel("구매확정 다음 영업일에 정산됩니다.")
    world = await World(model).ingested()
    events = await world.ask("제 번호는 010-1234-5678인데 정산은 언제 되나요?")
    (turn,) = await world.history.recent(events[0].session_id, 1)
    kept = repr((turn, model.briefs, world.embedder.embedded))
    assert "[전화번호]" in turn.message
    assert "1234" not in kept


async def test_numbers_that_the_faq_gives_out_stay_readable():
    hotline = RawEntry("[고객센터] 고객센터 번호가 궁금해요", "02-555-0199로 문의해 주세요.")
    world = await World().ingested(*FAQ, hotline)
    events = await world.ask("02-555-0199는 어디 번호인가요?")
    (turn,) = await world.history.recent(events[0].session_id, 1)
    assert turn.message == "02-555-0199는 어디 번호인가요?"
