"""What the two OpenAI adapters share: how a client is made, when a call is worth repeating, what its errors mean."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx2  # what openai 3.x speaks HTTP with; a body that breaks off raises its errors, not openai's
import openai

from faqchat.errors import Busy, Unavailable

CONNECT_TIMEOUT_S = 5.0
ProviderErrors = (openai.OpenAIError, httpx2.HTTPError)

_Reply = TypeVar("_Reply")


def connect(base_url: str, api_key: str, timeout_s: float, retries: int = 0) -> openai.AsyncOpenAI:
    """A client for any OpenAI-compatible server; it opens no connection yet and, unless told to, retries nothing."""
    return openai.AsyncOpenAI(
        base_url=base_url,
        api_key=api_key or "unused",  # local servers want none, the SDK wants one
        timeout=openai.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
        max_retries=retries,  # the SDK sleeps as long as Retry-After says, up to two minutes: not while a person waits
    )


async def second_try(call: Callable[[], Awaitable[_Reply]], worth: tuple[type[openai.APIError], ...]) -> _Reply:
    """The reply of `call`, asked once more where the first time failed in a way that a repetition may cure."""
    try:
        return await call()
    except openai.APITimeoutError:  # a connection error by inheritance, but the time is spent
        raise
    except worth:
        return await call()


def translated(error: Exception, provider: str) -> Unavailable:
    """The domain's name for what went wrong. Text from the provider stays out: it may quote the question."""
    if isinstance(error, openai.RateLimitError):
        return Busy(f"{provider} asked us to slow down")
    if isinstance(error, openai.APIStatusError):
        return Unavailable(f"{provider} answered HTTP {error.status_code}")
    return Unavailable(f"{provider} cannot be reached, broke off or made no sense ({type(error).__name__})")
