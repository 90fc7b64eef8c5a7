"""Follows a growing text and says which of its blocks changed, at a cost that does not grow with the text."""

from __future__ import annotations

import time
from collections.abc import Callable

from chat.markdown.block import Block
from chat.markdown.cutter import Kind
from chat.markdown.part import Part, whole
from chat.markdown.reasoning import ThoughtReader
from chat.markdown.tail import APPEND_SECONDS, CodeTail, ProseTail
from chat.markdown.writer import growing_thoughts, plain, thoughts


class BlockStream:
    """The blocks of one growing text. Not safe for several threads; whoever owns the run feeds it.

    Finished blocks come at once and once. What is still open is drawn anew at most five times a second, or text is
    appended to it at most twenty times a second; `clock` gives the seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reader = ThoughtReader()
        self._thoughts = GrowingThoughts(clock)
        self._answer = Part()
        self._count = 0  # of final blocks
        self._tail: CodeTail | ProseTail | None = None

    def feed(self, text: str) -> list[Block]:
        """The blocks that changed; an empty text gives those that are due by now."""
        thought, answer = self._reader.push(text)
        blocks = self._thoughts.push(thought)
        if self._reader.is_answering:
            blocks += self._end_thoughts()
        blocks += self._final(self._answer.push(answer))
        tail = self._grow()
        return [*blocks, tail] if tail else blocks

    def finish(self) -> list[Block]:
        """The last blocks, all final; no text comes after."""
        thought, answer = self._reader.finish()
        self._thoughts.push(thought)
        blocks = self._end_thoughts()
        return blocks + self._final([*self._answer.push(answer), *self._answer.finish()])

    def _end_thoughts(self) -> list[Block]:
        return self._final(self._thoughts.finish())

    def _final(self, finished: list[str]) -> list[Block]:
        blocks = [Block(self._count + place, html, True) for place, html in enumerate(finished)]
        if blocks:
            self._count += len(blocks)
            self._tail = None
        return blocks

    def _grow(self) -> Block | None:
        """What is new in the block that is still open."""
        chunk, partial = self._answer.open, self._answer.shown_partial
        if chunk is None and not partial.strip():
            return None
        is_code = chunk is not None and chunk.kind is Kind.CODE
        if self._tail is None or isinstance(self._tail, CodeTail) != is_code:
            tail = CodeTail if is_code else ProseTail
            self._tail = tail(self._count, self._clock, *([] if is_code else [self._answer.writer]))
        return self._tail.change(chunk, partial)


class GrowingThoughts:
    """The thoughts at the start of a text: block 0, to which text is appended until they end."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._part = Part()
        self._finished: list[str] = []
        self._pending = ""
        self._due: float | None = None
        self._is_over = False

    def push(self, text: str) -> list[Block]:
        """The change of the block, if one is due."""
        self._finished += self._part.push(text)
        self._pending += text
        now = self._clock()
        if not self._pending.strip() or (self._due is not None and now < self._due):
            return []
        blocks = [] if self._due is not None else [Block(0, growing_thoughts(), False)]
        blocks.append(Block(0, plain(self._pending), False, append=True))
        self._pending, self._due = "", now + APPEND_SECONDS
        return blocks

    def finish(self) -> list[str]:
        """The HTML of the whole block at the first call; nothing where nothing was thought, and nothing later."""
        if self._is_over:
            return []
        self._is_over = True
        inner = "".join([*self._finished, *self._part.finish()])
        return [thoughts(inner)] if inner or self._due is not None else []


def render(text: str) -> str:
    """The safe HTML of a whole text, its thoughts folded."""
    reader = ThoughtReader()
    parts = [reader.push(text), reader.finish()]
    thought = whole("".join(part[0] for part in parts))
    return (thoughts(thought) if thought else "") + whole("".join(part[1] for part in parts))
