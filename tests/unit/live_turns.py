"""A model that waits to be let on, and readers of its turns."""

import asyncio

from faqchat import live, turns
from faqchat.events import ChatRequest, Delta
from tests.fakes import ScriptedModel

ASKED = ChatRequest(message="정산은 언제 되나요?")


PIECES = ("구매확정 ", "다음 영업일에 ", "정산됩니다.")


class Gated(ScriptedModel):
    """Says its first piece, and the others when it may."""

    def __init__(self) -> None:
        super().__init__(*PIECES)
        self.may_go_on = asyncio.Event()
        self.stopped = False

    async def generate(self, brief):
        self.briefs.append(brief)
        first, *others = self.pieces
        yield first
        try:
            await self.may_go_on.wait()
        except asyncio.CancelledError:
            self.stopped = True
            raise
        for piece in others:
            yield piece


def hurry(monkeypatch):
    """Have turns beat, and their readers look, every hundredth of a second."""
    monkeypatch.setattr(live, "BEAT_S", 0.01)
    monkeypatch.setattr(turns, "POLL_S", 0.01)


def unobserved(events):
    return events


async def begin(world, request=ASKED, **how):
    return await world.turns.begin(request, unobserved, **how)


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 # what is waited for signals nothing
            await asyncio.sleep(0.005)


async def first_text(answer):
    """The events up to the first text."""
    seen = []
    async for numbered in answer.events:
        seen.append(numbered)
        if isinstance(numbered.event, Delta):
            return seen
    raise AssertionError("no text came")


async def rest(events):
    return [numbered async for numbered in events]


def text(numbered):
    return "".join(event.text for _, event in numbered if isinstance(event, Delta))
