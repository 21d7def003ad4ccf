"""What a turn cost, from the tokens that the provider reported."""

from typing import NamedTuple

from faqchat.events import Usage

_PER_MILLION = 1_000_000


class Price(NamedTuple):
    """US dollars per million tokens. Where cached ones have no price, they cost as much as any other."""

    prompt: float = 0.0
    cached: float = 0.0
    completion: float = 0.0

    def of(self, usage: Usage) -> float:
        """US dollars for one answer."""
        cached = min(usage.cached_tokens, usage.prompt_tokens)  # cached tokens are counted among the prompt's
        return (
            (usage.prompt_tokens - cached) * self.prompt
            + cached * (self.cached or self.prompt)
            + usage.completion_tokens * self.completion
        ) / _PER_MILLION
