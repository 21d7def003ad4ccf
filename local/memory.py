"""Conversations in memory, for evaluation and tests: keeps the promises of the `History` port."""

from faqchat.conversation import Feedback, Turn
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
        """The last `limit` turns that were not replaced, oldest first."""
        turns = [turn for _, turn in sorted(self._session(session_id).items()) if not turn.replaced_by]
        return turns[max(0, len(turns) - limit) :]

    async def append(self, turn: Turn, replaces: str | None = None) -> None:
        """Store a turn, and mark the one that it replaces."""
        session = self._session(turn.session_id)
        if turn.turn_id in session or (replaces is not None and replaces not in session):
            raise Conflict("this turn is stored already, or there is none to replace")
        session[turn.turn_id] = turn
        if replaces:
            session[replaces] = session[replaces].model_copy(update={"replaced_by": turn.turn_id})

    async def rate(self, session_id: str, turn_id: str, feedback: Feedback) -> None:
        """Keep what the seller thinks of a turn."""
        session = self._session(session_id)
        if turn_id not in session:
            raise NotFound("no such turn")
        session[turn_id] = session[turn_id].model_copy(update={"feedback": feedback})

    async def delete(self, session_id: str) -> list[str]:
        """Remove a conversation, and give the ids of its turns."""
        turn_ids = [*self._session(session_id)]
        del self._sessions[session_id]
        return turn_ids

    def _session(self, session_id: str) -> dict[str, Turn]:
        try:
            return self._sessions[session_id]
        except KeyError:
            raise NotFound("no such conversation") from None
