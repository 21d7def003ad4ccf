"""Keeps a reasoning model's `<think>…</think>` out of a streamed answer, without holding the answer back."""

OPEN, CLOSE = "<think>", "</think>"

# Some chat templates (Qwen3-Thinking, QwQ, DeepSeek-R1) put `<think>` into the prompt, so that the text shows the
# closing tag only. Thoughts begin like this. A Korean answer to a seller hardly does; if so, it comes in one piece.
_THOUGHT_OPENERS = (
    "okay",
    "ok,",
    "alright",
    "hmm",
    "let me",
    "let's",
    "the user",
    "we need to",
    "we are",
    "first, i",
    "so, the user",
    "好的",
    "嗯",
    "首先",
    "用户",
    "사용자가 ",
    "사용자는 ",
    "사용자의 질문",
)


class ThoughtFilter:
    """Feed it pieces, show what it gives back.

    Text flows through at once, except what may still turn out to be a tag, and except a text that looks like a thought
    or is expected to begin inside one (`begins_inside`): that is held until `</think>` or the end.
    `heard` tells whether there was any text, `began_inside` whether it began inside a thought. `leaked` is set where a
    closing tag shows that text which was already given back had been a thought.
    """

    def __init__(self, *, begins_inside: bool = False) -> None:
        self.heard = False
        self.began_inside = False
        self.leaked = False
        self.shown = False
        self._pending = ""
        self._thinking = False
        self._suspicious = begins_inside
        self._begun = begins_inside

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        self.heard = self.heard or bool(piece.strip())
        self._pending += piece
        shown = ""
        while (found := self._next_tag()) is not None:
            before, tag, self._pending = self._pending.partition(found)
            if self._thinking:
                before = ""
            elif tag == CLOSE:
                self.began_inside = True
                self.leaked = self.leaked or self.shown
                before = shown = ""
            shown += before
            self._thinking = tag == OPEN
            self._suspicious = False
            self._begun = True
        return self._give(shown + self._release())

    def end(self, *, cut: bool = False) -> str:
        """What was held and is an answer after all; a text that was cut while under suspicion is not."""
        rest = "" if self._thinking or (self._suspicious and cut) else self._pending
        self._pending = ""
        return self._give(rest)

    def _next_tag(self) -> str | None:
        if self._thinking:
            return CLOSE if CLOSE in self._pending else None
        places = {self._pending.find(tag): tag for tag in (OPEN, CLOSE) if tag in self._pending}
        return places[min(places)] if places else None

    def _release(self) -> str:
        kept = _unfinished_tag(self._pending)
        if self._thinking:
            self._pending = kept
            return ""
        if not self._begun:
            head = self._pending.lstrip().lower()
            if any(opener.startswith(head) for opener in _THOUGHT_OPENERS):  # too short to tell; also where empty
                return ""
            self._begun = True
            self._suspicious = head.startswith(_THOUGHT_OPENERS)
        if self._suspicious:
            return ""
        ready = self._pending.removesuffix(kept)
        self._pending = kept
        return ready

    def _give(self, text: str) -> str:
        if not self.shown:
            text = text.lstrip()  # models leave blank lines between thought and answer
        self.shown = self.shown or bool(text)
        return text


def _unfinished_tag(text: str) -> str:
    for length in range(min(len(text), len(CLOSE) - 1), 0, -1):
        if OPEN.startswith(text[-length:]) or CLOSE.startswith(text[-length:]):
            return text[-length:]
    return ""
