"""Conversations in memory, for evaluation and tests: keeps the promises of the `History` port."""

from faqchat.conversation import Turn
from faqchat.errors import Conflict, NotFound


class MemoryHistory:
    """A `History` that ends with its process."""

    def __init__(self) -> None:
        self._sessions: dict[str, dict[str, Turn]] = {}

    async def create(self, session_id: str) -> None:
        """Begin a conversation."""
        if session_id in self._sessions:
            raise Conflict("a conversation with this id exists")
        self._sessions[session_id] = {}

    async def recent(self, session_id: str, limit: int) -> list[Turn]:
        """The last `limit` turns, oldest first."""
        turns = sorted(self._session(session_id).items())
        return [turn for _, turn in turns[len(turns) - limit :]] if limit < len(turns) else [turn for _, turn in turns]

    async def append(self, turn: Turn) -> None:
        """Store a turn."""
        session = self._session(turn.session_id)
        if turn.turn_id in session:
            raise Conflict("this turn is stored already")
        session[turn.turn_id] = turn

    async def delete(self, session_id: str) -> None:
        """Remove a conversation."""
        self._session(session_id)
        del self._sessions[session_id]

    def _session(self, session_id: str) -> dict[str, Turn]:
        try:
            return self._sessions[session_id]
        except KeyError:
            raise NotFound("no such conversation") from None
