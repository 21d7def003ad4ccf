"""What the service depends on, and whether each part answers just now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from pydantic import BaseModel, computed_field

from faqchat.errors import FaqChatError, NotFound

TIMEOUT_S = 3.0

Check = Callable[[], Awaitable[object]]


class Readiness(BaseModel):
    """Each dependency by name: `ok`, or what is wrong with it, for operators."""

    parts: dict[str, str]

    @computed_field  # type: ignore[prop-decorator] # mypy does not know it, says pydantic's manual
    @property
    def ready(self) -> bool:
        """Whether questions can be answered at all: without a catalogue nothing can, without the rest less well."""
        return self.parts["catalogue"] == "ok"


async def check_all(checks: Mapping[str, Check]) -> Readiness:
    """Run all checks at once."""
    states = await asyncio.gather(*(_state(check) for check in checks.values()))
    return Readiness(parts=dict(zip(checks, states, strict=True)))


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await check()
    except NotFound:
        return "ok"  # it answered
    except FaqChatError as error:
        return f"{type(error).__name__}: {error}"
    except TimeoutError:
        return f"no answer within {TIMEOUT_S:g} s"
    return "ok"
