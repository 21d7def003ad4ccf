"""Turns beyond their connection: begun once, read again from where a reader was cut off, stopped and rated from afar.

What a turn is stands in `chat`; how it goes on alone, in `live`.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from faqchat import conversation
from faqchat.chat import ChatService, interrupted
from faqchat.conversation import Feedback, Turn
from faqchat.errors import Conflict, FaqChatError, InvalidRequest, NotFound, Unavailable
from faqchat.events import ChatRequest, Done, Event, FeedbackRequest, Numbered, Start
from faqchat.faq import normalize
from faqchat.live import LiveTurn
from faqchat.personal import mask
from faqchat.ports import Claims, History, TurnLog
from faqchat.turnlog import Claim, Recorded

POLL_S = 0.2
DEAD_S = 10.0  # a turn says several times a second that it lives; one second is the longest that its log is waited for
KEY_REUSED = "같은 Idempotency-Key로 다른 요청을 보냈습니다. 새 요청에는 새 키를 사용해 주세요."

Events = AsyncGenerator[Event, None]
Observe = Callable[[Events], Events]


@dataclass(frozen=True)
class Answer:
    """A turn to read, each event with its number."""

    turn_id: str
    events: AsyncGenerator[Numbered, None]
    replayed: bool = False


class Turns:
    """Begins turns, and finds them again."""

    def __init__(self, chat: ChatService, history: History, log: TurnLog, claims: Claims, *, grace_s: float) -> None:
        self._chat = chat
        self._history = history
        self._log = log
        self._claims = claims
        self._grace_s = grace_s
        self._running: set[asyncio.Task[None]] = set()

    async def begin(
        self,
        request: ChatRequest,
        observe: Observe,
        *,
        key: str | None = None,
        past: Sequence[Turn] | None = None,
        resumable: bool = True,
    ) -> Answer:
        """Begin a turn, or find the one that the key stands for; `observe` sees the events of a turn that is begun.

        One that is not resumable ends with its reader. Raises what `ChatService.stream` does, `Conflict` while the
        key's turn is running, and `InvalidRequest` where the key stands for another request.
        """
        turn_id = conversation.new_turn_id()
        if key and (earlier := await self._claim(key, request, turn_id)):
            return earlier
        events = observe(self._chat.stream(request, turn_id, past))
        try:
            start = await anext(events)
            if not isinstance(start, Start):
                raise TypeError("a turn begins with `Start`")
        except BaseException:
            if key:  # in a task of its own: whoever asked may be gone
                self._keep(asyncio.create_task(self._release(key, turn_id)))
            raise
        turn = LiveTurn(turn_id, events, self._log, self._grace_s if resumable else 0.0)
        self._keep(asyncio.create_task(turn.run(start)))
        await turn.open(start.session_id)
        return Answer(turn_id, turn.read())

    async def resume(self, turn_id: str, after: int) -> AsyncGenerator[Numbered, None] | None:
        """What a turn says after the event of this number, live; None where nothing comes after it.

        Raises `NotFound` for a turn that is unknown, or over for too long.
        """
        recorded = await self._log.read(turn_id)
        if not recorded.events and _is_dead(turn_id, recorded):
            raise NotFound("the events of this turn are gone")
        if recorded.last and recorded.events[-1].number <= after:
            return None
        return self._follow(turn_id, recorded, after)

    async def cancel(self, turn_id: str) -> Literal["cancelling", "ended"]:
        """Stop a turn, wherever it runs. Raises `NotFound`."""
        recorded = await self._log.read(turn_id)
        if recorded.last or _is_dead(turn_id, recorded):
            return "ended"
        await self._log.cancel(turn_id)
        return "cancelling"

    async def rate(self, turn_id: str, request: FeedbackRequest) -> None:
        """Keep what the seller thinks of a turn. Raises `NotFound`."""
        recorded = await self._log.read(turn_id)
        feedback = Feedback(rating=request.rating, reason=request.reason, comment=mask(normalize(request.comment)))
        await self._history.rate(recorded.session_id, turn_id, feedback)

    async def forget(self, session_id: str) -> None:
        """Remove a conversation and what its turns said. Raises `NotFound`."""
        await self._log.erase(await self._history.delete(session_id))

    async def _claim(self, key: str, request: ChatRequest, turn_id: str) -> Answer | None:
        """The turn that the key stands for already; None where that is to be the one of this id."""
        digest = _digest(key)
        claim = Claim(turn_id, _digest(f"{key} {request.model_dump_json()}"))
        try:
            held = await self._claims.claim(digest, claim)
            if held == claim:
                return None
            if held.body != claim.body:
                raise InvalidRequest(KEY_REUSED)
            recorded = await self._recorded(held.turn_id)
            if isinstance(recorded.last, Done):
                return Answer(held.turn_id, _again(recorded), replayed=True)
            failed = recorded.last or _is_dead(held.turn_id, recorded)
            if failed and await self._claims.claim(digest, claim, instead_of=held.turn_id) == claim:
                return None
        except Unavailable:
            return None  # an answer that may be paid for twice is better than none
        raise Conflict("the turn of this key is running")

    async def _recorded(self, turn_id: str) -> Recorded:
        try:
            return await self._log.read(turn_id)
        except NotFound:
            return Recorded("", (), 0.0)  # claimed, and not begun yet

    async def _release(self, key: str, turn_id: str) -> None:
        with suppress(Unavailable):  # then it is dead in ten seconds, and taken over
            await self._claims.release(_digest(key), turn_id)

    async def _follow(self, turn_id: str, recorded: Recorded, after: int) -> AsyncGenerator[Numbered, None]:
        watched_at = 0.0
        try:
            while True:
                for numbered in recorded.events:
                    if numbered.number > after:
                        yield numbered
                        after = numbered.number
                if recorded.last:
                    return
                if _is_dead(turn_id, recorded):
                    raise Unavailable("the turn is no longer alive")
                if time.time() - watched_at > self._grace_s / 3:
                    await self._log.watch(turn_id)
                    watched_at = time.time()
                await asyncio.sleep(POLL_S)
                recorded = await self._log.read(turn_id, after)
        except FaqChatError as error:
            yield Numbered(after + 1, interrupted(error, turn_id))

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task until it is over: the loop itself would not."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def _again(recorded: Recorded) -> AsyncGenerator[Numbered, None]:
    for numbered in recorded.events:
        yield numbered


def _is_dead(turn_id: str, recorded: Recorded) -> bool:
    """Whether a turn that has not ended will not go on: neither begun nor alive lately."""
    begun_at = int(turn_id[:12], 16) / 1_000
    return time.time() - max(recorded.alive_at, begun_at) > DEAD_S
