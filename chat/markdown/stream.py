"""Follows a growing text and says which of its blocks changed, at a cost that does not grow with the text."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """One change of what is shown.

    `html` takes the place of what stands at `index`, or, where `append` is set, is text (escaped, without tags) that
    goes to its end. A `final` block never changes again.
    """

    index: int
    html: str
    final: bool
    append: bool = False


class BlockStream:
    """The blocks of one growing text. Not safe for several threads; whoever owns the run feeds it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._text = ""
        self._count = 0
        self._shown_at = -1.0

    def feed(self, text: str) -> list[Block]:
        """The blocks that changed; an empty text gives those that are due by now."""
        self._text += text
        *finished, self._text = self._text.split("\n\n")
        blocks = [self._finished(part) for part in finished]
        if self._text and self._clock() - self._shown_at >= 0.2:
            self._shown_at = self._clock()
            blocks.append(Block(self._count, _paragraph(self._text), False))
        return blocks

    def finish(self) -> list[Block]:
        """The last blocks; no text comes after."""
        return [self._finished(self._text)] if self._text.strip() else []

    def _finished(self, text: str) -> Block:
        self._count += 1
        return Block(self._count - 1, _paragraph(text), True)


def render(text: str) -> str:
    """The safe HTML of a whole text."""
    stream = BlockStream()
    return "".join(block.html for block in [*stream.feed(text), *stream.finish()] if block.final)


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"
