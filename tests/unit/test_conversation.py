"""Turn ids sort, session ids cannot be guessed, and a prompt is told as much of the past as it can pay for."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from faqchat import conversation
from faqchat.conversation import CHARS_PER_TOKEN, Turn, exchanges, new_session_id, new_turn_id
from faqchat.events import SESSION_ID


def turn(message="질문", answer="답변", **more):
    return Turn(session_id="A" * 32, turn_id="0123", message=message, answer=answer, **more)


def said(turns, budget):
    return [exchange.message for exchange in exchanges(turns, budget)]


class TestIds:
    def test_a_session_id_fits_the_contract_and_is_never_the_same(self):
        ids = {new_session_id() for _ in range(1_000)}
        assert len(ids) == 1_000
        assert all(re.fullmatch(SESSION_ID, session_id) for session_id in ids)

    def test_turn_ids_sort_by_time(self, monkeypatch):
        moments = [
            0,
            999_999,
            1_000_000,
            1_790_000_000_000_000_000,
            1_790_000_000_001_000_000,
            4_000_000_000_000_000_000,
        ]
        clock = iter(moments)
        monkeypatch.setattr(conversation.time, "time_ns", lambda: next(clock))
        ids = [new_turn_id() for _ in moments]
        assert [turn_id[:12] for turn_id in ids] == sorted(turn_id[:12] for turn_id in ids)
        assert {len(turn_id) for turn_id in ids} == {44}

    def test_turns_of_the_same_moment_differ(self, monkeypatch):
        monkeypatch.setattr(conversation.time, "time_ns", lambda: 1_790_000_000_000_000_000)
        assert len({new_turn_id() for _ in range(1_000)}) == 1_000


class TestTurn:
    def test_it_reads_back_as_written(self):
        before = turn(outcome="failed", degraded=("model",), cost_usd=0.5)
        assert Turn.model_validate_json(before.model_dump_json()) == before

    def test_it_knows_when_it_was_asked(self):
        assert abs((datetime.now(UTC) - turn().asked_at).total_seconds()) < 5

    def test_it_does_not_change(self):
        with pytest.raises(ValidationError):
            turn().answer = "다른 답변"


class TestPast:
    TURNS = tuple(turn(f"{number}번 질문", "답" * 95) for number in range(5))  # 100 characters each

    def test_all_of_a_short_past_is_told_oldest_first(self):
        assert said(self.TURNS, 1_000) == [each.message for each in self.TURNS]

    def test_of_a_long_past_the_latest_is_told(self):
        budget = int(250 / CHARS_PER_TOKEN)
        assert said(self.TURNS, budget) == ["3번 질문", "4번 질문"]

    def test_what_does_not_fit_ends_the_past_though_older_turns_would_fit(self):
        turns = (turn("짧은 질문"), turn("긴 질문", "답" * 1_000), turn("마지막 질문"))
        assert said(turns, 100) == ["마지막 질문"]

    def test_without_a_budget_there_is_no_past(self):
        assert said(self.TURNS, 0) == []

    def test_question_and_answer_are_told_together(self):
        (exchange,) = exchanges([turn("질문", "답변")], 100)
        assert (exchange.message, exchange.answer) == ("질문", "답변")

    @given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=8), st.integers(0, 100))
    def test_the_past_is_the_end_of_the_conversation_and_within_the_budget(self, texts, budget):
        told = [tuple(exchange) for exchange in exchanges([turn(*pair) for pair in texts], budget)]
        assert told == texts[len(texts) - len(told) :]
        assert sum(len(message) + len(answer) for message, answer in told) <= budget * CHARS_PER_TOKEN
