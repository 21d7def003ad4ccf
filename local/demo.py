"""Plays written dialogues through the product and prints them as Markdown: `docs/demo.md` is this output."""

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from faqchat import bootstrap
from faqchat.events import ChatRequest
from faqchat.reply import ChatReply, collect

HEAD = """# 데모 대화

`python -m local demo > docs/demo.md`로 다시 만들 수 있습니다. 모델과 API 키 없이, 함께 제공하는 예시 FAQ로 실행한
결과입니다. 괄호 안은 각 답변의 결과(`outcome`)이고, 💬 뒤는 챗봇이 다음으로 제안하는 질문입니다."""


def read_script(path: Path) -> list[dict[str, Any]]:
    """Dialogues, a JSON object a line: a `title` and the user's `messages`; `→ 2` takes up the second offer."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def play(dialogues: Iterable[dict[str, Any]]) -> AsyncIterator[str]:
    """Markdown, a piece a turn."""
    chat = bootstrap.chat_service()
    yield HEAD
    for dialogue in dialogues:
        yield f"\n## {dialogue['title']}\n"
        session: str | None = None
        reply: ChatReply | None = None
        for message in dialogue["messages"]:
            offer = reply.followups[int(message[2:]) - 1] if reply and message.startswith("→ ") else None
            request = ChatRequest(
                message=offer.text if offer else message,
                session_id=session,
                followup_id=offer.faq_id if offer else None,
            )
            answered = await collect(chat.stream(request))
            assert isinstance(answered, ChatReply), answered
            reply, session = answered, answered.session_id
            yield _turn(request.message, reply)


def _turn(message: str, reply: ChatReply) -> str:
    answer = "\n".join(f"> {line}" if line else ">" for line in reply.answer.strip().split("\n"))
    parts = [f"**판매자** {message}\n", f"**챗봇** ({reply.outcome})\n\n{answer.replace(chr(10), '  ' + chr(10))}\n"]
    if reply.sources:
        parts.append(f"참고한 FAQ: {reply.sources[0].question}\n")
    parts.extend(f"- 💬 {offer.text}" for offer in reply.followups)
    return "\n".join(parts) + "\n"
