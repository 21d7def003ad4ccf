"""A scripted model that writes for each entry what a test has it write, whatever the order of the requests."""

import json
from pathlib import Path
from typing import Any

from faqchat.faq import RawEntry
from tests.scripted_openai import Reply, ScriptedOpenAI, Stream, answer

_ROWS = map(json.loads, Path(__file__).with_name("e2e").joinpath("faq.jsonl").read_text("utf-8").splitlines())
BARE = tuple(RawEntry(row["question"], row["answer"], tuple(row["tags"])) for row in _ROWS)  # nobody has asked them yet


def lines(*utterances: str) -> Stream:
    """An answer as it was asked for: one utterance a line."""
    return answer("\n".join(utterances))


class Author(ScriptedOpenAI):
    """`writes` knows an entry by words of its question; for any other one the model refuses, in English."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: dict[str, Stream | Reply] = {}

    def reply_to(self, exchange: Any) -> Stream | Reply:
        said = self.question(exchange.body)
        return next(
            (reply for words, reply in self.writes.items() if words in said), answer("I'm sorry, I cannot do that.")
        )

    @property
    def questions(self) -> list[str]:
        """The questions of the entries that were asked for, oldest first."""
        return [self.question(body) for body in self.asked]

    @staticmethod
    def question(body: Any) -> str:
        """The question of the entry in a request."""
        return body["messages"][-1]["content"].splitlines()[1].removeprefix("[1] ")
