"""What is shown of the block that still grows: drawn anew now and then while it is small, text appended afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chat.markdown.block import Block
from chat.markdown.cutter import Chunk, Kind
from chat.markdown.writer import MAX_CHARACTERS, Writer, growing_code, growing_rest, plain

DRAW_SECONDS = 0.2
APPEND_SECONDS = 0.05
DRAWING_SHARE = 0.05
"""The most of the time that drawing a block anew may take."""
MAX_DRAWN = 4000
"""A block of more characters is drawn anew only each time it has grown by half; text is appended in between."""
GROWTH = 1.5
# A line that so far is only this may turn out to be a mark; shown too early, it would make a heading of what stands.
_UNSURE = re.compile(r"[-\s=*_+#`~|:>$\\\d.)(\[\]<]*|[ \t]*(?:`{3}|~{3}).*")


@dataclass(slots=True)
class Position:
    """How much of a growing block is shown: whole lines, and characters of the line after them."""

    line: int = 0
    column: int = 0

    def advance(self, lines: Sequence[str], partial: str) -> str:
        """The text between here and the end; from now on that is shown too."""
        pieces = [f"{line}\n" for line in lines[self.line :]]
        if pieces:
            pieces[0], self.column = pieces[0][self.column :], 0
        pieces.append(partial[self.column :])
        self.line, self.column = len(lines), max(self.column, len(partial))
        return "".join(pieces)


@dataclass(slots=True)
class CodeTail:
    """An open code block: an empty one first, then its text, at most twenty times a second."""

    index: int
    clock: Callable[[], float]
    _due: float | None = None
    _position: Position = field(default_factory=Position)

    def change(self, chunk: Chunk, partial: str) -> Block | None:
        """What to show now."""
        now = self.clock()
        if self._due is None:
            self._due = now
            return Block(self.index, growing_code(chunk.language), False)
        if now < self._due or not (text := self._position.advance(chunk.lines, partial)):
            return None
        self._due = now + APPEND_SECONDS
        return Block(self.index, plain(text), False, append=True)


@dataclass(slots=True)
class ProseTail:
    """Any other open block: as it would look if the text ended here, as far as that is cheap."""

    index: int
    clock: Callable[[], float]
    writer: Writer
    _due: float = 0.0
    _html: str = ""
    _drawn_size: int = 0
    _position: Position = field(default_factory=Position)

    def change(self, chunk: Chunk | None, partial: str) -> Block | None:
        """What to show now; the chunk is None where the unfinished line is all there is."""
        now = self.clock()
        if now < self._due:
            return None
        lines = chunk.lines if chunk else []
        size = (chunk.size if chunk else 0) + len(partial)
        if size <= MAX_DRAWN or MAX_CHARACTERS >= size > GROWTH * self._drawn_size:
            return self._draw(chunk, partial, size, now)
        text = self._position.advance(lines, partial)
        self._due = now + DRAW_SECONDS
        return Block(self.index, plain(text), False, append=True) if text else None

    def _draw(self, chunk: Chunk | None, partial: str, size: int, now: float) -> Block | None:
        lines = chunk.lines if chunk else []
        shown = "" if _UNSURE.fullmatch(partial) else partial
        html = self.writer.preview("\n".join([*lines, shown]), chunk.kind if chunk else Kind.TEXT)
        self._drawn_size, self._position = size, Position()
        self._position.advance(lines, shown)
        if size > MAX_DRAWN:
            html += growing_rest()
        self._due = now + max(DRAW_SECONDS, (self.clock() - now) / DRAWING_SHARE)
        if html == self._html or not html:
            return None
        self._html = html
        return Block(self.index, html, False)
