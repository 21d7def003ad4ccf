"""What a turn costs."""

import pytest

from faqchat.events import Usage
from faqchat.pricing import Price

USAGE = Usage(prompt_tokens=2_000, cached_tokens=1_500, completion_tokens=400)


def test_without_prices_an_answer_is_free():
    assert Price().of(USAGE) == 0


def test_cached_tokens_have_their_own_price():
    cost = Price(0.10, 0.01, 0.50).of(USAGE)
    assert cost == pytest.approx((500 * 0.10 + 1_500 * 0.01 + 400 * 0.50) / 1e6)


def test_without_a_price_for_cached_tokens_they_cost_as_the_others():
    assert Price(0.10, 0.0, 0.50).of(USAGE) == pytest.approx((2_000 * 0.10 + 400 * 0.50) / 1e6)


def test_more_cached_than_prompt_tokens_is_never_a_refund():
    strange = Usage(prompt_tokens=10, cached_tokens=1_000)
    assert Price(1.0, 0.1).of(strange) == pytest.approx(10 * 0.1 / 1e6)
