"""A guard on what a model writes: each sentence is checked against the FAQ before the seller sees it.

A sentence passes untouched when its numbers, addresses and menu paths stand in the entries that it cites and its words
have to do with them (`support.py`). Else the entry's own nearest sentence takes its place; where several in a row fail,
or nothing holds, the model is stopped and the FAQ answers in its own words.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import NamedTuple

from faqchat.events import DECLINED, Usage
from faqchat.extractive import Extractive
from faqchat.ports import Correction, Generator
from faqchat.prompt import Brief
from faqchat.sentences import first_sentence
from faqchat.support import Sources, key, without_marker

IN_A_ROW = 3  # sentences that fail, or repeat others, after which the model is not listened to any more
MAX_SENTENCE = 1_000  # characters: a model that has lost itself may never end one


class Grounded:
    """A `Generator` that passes on what another one writes as far as the brief's entries support it."""

    def __init__(self, inner: Generator) -> None:
        self.name = inner.name
        self._inner = inner
        self._own_words = Extractive()

    async def generate(self, brief: Brief) -> AsyncGenerator[str | Usage | Correction, None]:
        """The answer's sentences, each as soon as it is complete; a `Correction` where one is not the model's own.

        Raises `Unavailable` where the inner generator does; what was held back then is not shown.
        """
        answer = _Answer(Sources(brief))
        usage: Usage | None = None  # a model that is stopped reports none
        async with aclosing(self._inner.generate(brief)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    usage = piece
                elif isinstance(piece, str):
                    for checked in answer.take(piece):
                        yield checked
                if answer.over:
                    break
        for checked in answer.end():
            yield checked
        if answer.lost:
            yield Correction()
            if answer.shown:
                yield "\n\n"
            async for line in self._own_words.generate(brief):
                if isinstance(line, str) and key(line) not in answer.shown:
                    yield line
        if usage:
            yield usage


class _Held(NamedTuple):
    """A sentence that is not shown before one that holds: it claims nothing, or has failed."""

    gap: str
    text: str
    failed: bool


class _Answer:
    """What is known of an answer while it streams."""

    def __init__(self, sources: Sources) -> None:
        self.over = False  # the model is not listened to any more
        self.lost = False  # the FAQ has to answer
        self.shown: set[str] = set()
        self._sources = sources
        self._rest = ""
        self._declining = ""
        self._held: list[_Held] = []
        self._grounded = False
        self._gap: str | None = None  # what stood before a sentence that was left out
        self._previous = ""
        self._failed = self._repeated = 0  # in a row

    def take(self, piece: str) -> Iterator[str | Correction]:
        """What may be shown now."""
        self._rest += piece
        yield from self._judge_all(whole=False)
        if len(self._rest) > MAX_SENTENCE:
            self.over = True
            yield Correction()

    def end(self) -> Iterator[str | Correction]:
        """What is left to show; afterwards `lost` is known."""
        yield from self._judge_all(whole=True)
        if self._declining.strip() == DECLINED:
            yield self._declining
        elif not self._grounded:
            self.lost = True
        elif not self.lost:
            yield from self._release()
        if self._rest.isspace() and not (self.lost or self.over):
            yield self._rest

    def _judge_all(self, *, whole: bool) -> Iterator[str | Correction]:
        while not self.over and (sentence := first_sentence(self._rest, whole=whole)):
            self._rest = self._rest[len(sentence) :]
            yield from self._judge(sentence)

    def _judge(self, sentence: str) -> Iterator[str | Correction]:
        if not (self.shown or self._held) and DECLINED.startswith((self._declining + sentence).strip()):
            self._declining += sentence  # shown at the end, if nothing follows
            return
        text = sentence.lstrip()
        gap = sentence.removesuffix(text)
        if self._declining:
            self._declining = ""
            yield from self._leave_out(gap)
        if self._is_repeated(text):
            self.over = self._repeated >= IN_A_ROW
            yield from self._leave_out(gap)
            return
        checked, holds = self._sources.judge(text, first=not self._grounded)
        if holds:
            yield from self._release()
            self._failed, self._grounded = 0, True
            if checked != text:
                yield Correction()
            yield self._show(gap, checked)
        elif holds is None and self._grounded and not self._held:
            yield self._show(gap, checked)
        else:
            self._held.append(_Held(gap, text, failed=holds is False))
            self._failed += holds is False
            self.over = self.lost = self._failed >= IN_A_ROW

    def _is_repeated(self, text: str) -> bool:
        """Whether this was said already; a step like "저장합니다." may come twice, but not at once."""
        bare = key(without_marker(text))
        repeated = bool(bare) and (key(text) in self.shown or bare == self._previous)
        self._previous = bare
        self._repeated = self._repeated + 1 if repeated else 0
        return repeated

    def _release(self) -> Iterator[str | Correction]:
        for gap, text, failed in self._held:
            if not failed:
                yield self._show(gap, text)
            elif stand_in := self._sources.stand_in(text, self.shown):
                yield Correction()
                yield self._show(gap, stand_in)
            else:
                yield from self._leave_out(gap)
        self._held = []

    def _show(self, gap: str, text: str) -> str:
        if self._gap is not None:
            gap = max(self._gap, gap, key=_line_breaks) if self.shown else ""
            self._gap = None
        self.shown.add(key(text))
        return gap + text

    def _leave_out(self, gap: str) -> Iterator[Correction]:
        self._gap = max(self._gap or "", gap, key=_line_breaks)
        yield Correction()


def _line_breaks(gap: str) -> int:
    return gap.count("\n")
