"""Which messages the scope gate's probabilities let through: alone, in their context, and in parts."""

import pytest

from faqchat.guardrail import Guardrail
from faqchat.index import Hit, Query
from faqchat.retriever import Channels, Found
from faqchat.understanding import Understanding

FOUND = (Hit("a", 1.0),)
LONG, PAST = "어제 시작한 기획전 배너를 내리려면 어디로 가야 하나요", "앞의 질문"
OURS = "정산일은요"


class Gate:
    """Says of each text what the test says."""

    def __init__(self, **likely):
        self.likely = likely

    def probability(self, text, _said, _catalogue):
        return self.likely[text.replace(" ", "_")]


def allows(alone, continued=None, *, message=LONG, hits=FOUND, **meant):
    queries = [Query(message), *([Query(PAST)] if continued is not None else [])]
    gate = Gate(**{message.replace(" ", "_"): alone, PAST.replace(" ", "_"): continued, OURS: 1.0})
    understood = Understanding(tuple(queries), **{"leans": False, **meant})
    found = Found(list(hits), [Channels({}, [], []) for _ in understood.searches], ())
    return Guardrail(gate, 0.5).allows(understood, found, None)


@pytest.mark.parametrize(("alone", "allowed"), [(0.5, True), (0.49, False)])
def test_a_first_message_stands_by_itself(alone, allowed):
    assert allows(alone) is allowed


def test_what_finds_nothing_cannot_be_answered():
    assert not allows(1.0, hits=())


@pytest.mark.parametrize(
    ("alone", "continued", "allowed"), [(0.35, 0.5, True), (0.35, 0.4, False), (0.34, 1.0, False), (0.6, 0.0, True)]
)
def test_a_later_message_may_be_ours_as_a_continuation_unless_it_is_foreign_by_itself(alone, continued, allowed):
    assert allows(alone, continued) is allowed


def test_one_that_leans_on_the_past_is_what_its_continuation_is():
    assert allows(0.0, 0.9, leans=True)
    assert not allows(0.0, 0.1, leans=True)


def test_a_rewrite_is_not_heard():
    assert not allows(0.0, 0.1, leans=True, rewritten=OURS)


@pytest.mark.parametrize(("alone", "allowed"), [(0.05, True), (0.04, False)])
def test_a_few_words_say_too_little_to_be_foreign(alone, allowed):
    assert allows(alone, 0.9, message="몇 개까지길래") is allowed


@pytest.mark.parametrize(("alone", "allowed"), [(0.25, True), (0.24, False)])
def test_who_names_smartstore_needs_half_as_much(alone, allowed):
    assert allows(alone, named="스마트스토어 가입") is allowed


class TestParts:
    def ours(self, *likely):
        parts = [f"부분{number}" for number in range(len(likely))]
        found = Found([], [Channels({}, [], []) for _ in parts], ())
        return Guardrail(Gate(**dict(zip(parts, likely, strict=True))), 0.5).ours(parts, found, None)

    def test_a_part_that_plainly_is_foreign_is_left_out_beside_one_that_plainly_is_ours(self):
        assert self.ours(0.9, 0.01) == ["부분0"]

    @pytest.mark.parametrize("likely", [(0.9, 0.1), (0.6, 0.01), (0.02, 0.01)])
    def test_in_doubt_all_parts_stay_together(self, likely):
        assert len(self.ours(*likely)) == 2
