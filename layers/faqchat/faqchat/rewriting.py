"""A later message put into one question by the chat model: optional, beside what `understanding` makes of it by rule.

It is one more query, never the only one: a message that says something itself outvotes a wrong rewrite. The guardrail
does not hear it: one that an injected order wrote opens no gate.
"""

import asyncio
from collections.abc import Sequence

from faqchat.conversation import Turn
from faqchat.draft import Draft
from faqchat.errors import Unavailable
from faqchat.events import DECLINED
from faqchat.expand import is_korean, parse
from faqchat.ports import Writer
from faqchat.prompt import REWRITE_CHARS, Exchange, build_rewrite
from faqchat.understanding import Understanding

TIMEOUT_S = 3.0  # nothing is searched before it; the rules alone are worth more than a longer silence


class Rewriter:
    """Asks a model for the question that a message means in its conversation."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def rewrite(self, meant: Understanding, message: str, turns: Sequence[Turn], draft: Draft) -> Understanding:
        """What is meant, with the model's question; unchanged where it fails, is late or writes anything else."""
        past = [Exchange(turn.message, turn.answer) for turn in turns]
        try:
            async with asyncio.timeout(TIMEOUT_S):
                text, usage = await self._writer.write(build_rewrite(message, past))
            draft.usage += usage
            question = one_question(text)
        except (Unavailable, TimeoutError):
            question = ""
        if not question:
            draft.degraded.append("rewrite")
        draft.mark("rewrite")
        return meant._replace(rewritten=question)


def one_question(text: str) -> str:
    """The one line of Korean that was asked for; nothing where a model wrote more, or something else."""
    lines = parse(text)
    if len(lines) != 1 or len(lines[0]) > REWRITE_CHARS or lines[0] == DECLINED or not is_korean(lines[0]):
        return ""
    return lines[0]
