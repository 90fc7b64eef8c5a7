"""Cuts Markdown into its top-level blocks, line by line: a finished one is never changed by what follows.

It decides by whole lines only, so that the pieces a text arrived in make no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

MAX_LIST = 3000
"""A list of more characters is cut before its next item, so that what is still open stays small."""

_FENCE = re.compile(r"([ \t]*)(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_ITEM = re.compile(r"( {0,3})([-*+]|\d{1,9}[.)])(?:([ \t]+)|$)")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_INTERRUPTS = re.compile(r" {0,3}(?:[-*+]|1[.)])[ \t]+\S")
_FORMULA = re.compile(r" {0,3}(?:(\$\$)|(\\\[)|\\begin\{([a-z]+\*?)\})")


class Kind(Enum):
    """What the first line of a block makes it."""

    TEXT = auto()
    LIST = auto()
    INDENTED = auto()
    FORMULA = auto()
    CODE = auto()


@dataclass(slots=True)
class Chunk:
    """A top-level block: its lines, without the fence of a code block. A code block also has a language."""

    kind: Kind
    lines: list[str] = field(default_factory=list)
    language: str = ""
    size: int = 0

    def add(self, line: str) -> None:
        """Take one more line."""
        self.lines.append(line)
        self.size += len(line) + 1

    @property
    def source(self) -> str:
        """The lines as one text, without a line end at its end."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Fence:
    """The line that opened a code block."""

    mark: str
    indent: int
    language: str

    @classmethod
    def opened_by(cls, line: str) -> Fence | None:
        """The fence that the line is, if it is one."""
        if not (found := _FENCE.match(line)):
            return None
        words = found[3].split()
        return cls(found[2], _indent(line), words[0] if words else "")

    def is_closed_by(self, line: str) -> bool:
        """Whether the line ends the block."""
        mark = line.strip()
        return len(mark) >= len(self.mark) and mark == self.mark[0] * len(mark)

    def may_be_closed_by(self, beginning: str) -> bool:
        """Whether a line that begins like this may yet end the block, or has only space that is not shown."""
        mark = beginning.strip()
        return mark == self.mark[0] * len(mark)

    def stripped(self, line: str) -> str:
        """A line of the block without the space that the fence had before it too."""
        return line[min(self.indent, len(line) - len(line.lstrip(" "))) :]


class Cutter:
    """Takes whole lines and gives the blocks that they finish; `open` is the one that may still grow."""

    def __init__(self) -> None:
        self.open: Chunk | None = None
        self.fence: Fence | None = None
        self._content_indent = 0  # of the last item of an open list
        self._inner_fence: Fence | None = None  # in an item of an open list
        self._closer = ""  # of an open formula
        self._is_after_blank = False
        self._is_over = False  # the line that was just taken is the last of its block

    def add(self, line: str) -> Iterator[Chunk]:
        """The blocks that end by this line, which comes without its line end."""
        if self.open is not None and not self._continues(line):
            yield from self.finish()
        if self.open is None and line.strip():
            self._start(line)
        if self._is_over:
            yield from self.finish()

    def finish(self) -> Iterator[Chunk]:
        """The open block, if there is one, as it stands."""
        chunk, self.open = self.open, None
        self.fence = self._inner_fence = None
        self._is_over = self._is_after_blank = False
        if chunk is not None:
            while chunk.lines and chunk.kind is not Kind.CODE and not chunk.lines[-1].strip():
                chunk.lines.pop()
            yield chunk

    def _start(self, line: str) -> None:
        """Open the block that this line begins."""
        fence = Fence.opened_by(line)
        if fence and fence.indent <= 3:
            self.open, self.fence = Chunk(Kind.CODE, language=fence.language), fence
            return
        self.open = Chunk(self._kind_of(line))
        self.open.add(line)
        if self.open.kind is Kind.LIST:
            self._enter_item(line)
        elif self.open.kind is Kind.FORMULA:
            self._is_over = line.rstrip().endswith(self._closer) and len(line.strip()) > len(self._closer)
        else:
            self._is_over = _HEADING.match(line) is not None

    def _kind_of(self, line: str) -> Kind:
        if _indent(line) >= 4:
            return Kind.INDENTED
        if _ITEM.match(line) and not _RULE.match(line):
            return Kind.LIST
        if found := _FORMULA.match(line):
            self._closer = "$$" if found[1] else r"\]" if found[2] else f"\\end{{{found[3]}}}"
            rest = line[found.end() :]
            if self._closer not in rest or rest.rstrip().endswith(self._closer):
                return Kind.FORMULA
        return Kind.TEXT

    def _continues(self, line: str) -> bool:
        """Take the line into the open block, or say that it is not of it."""
        chunk = self.open
        assert chunk is not None
        if chunk.kind is Kind.CODE:
            return self._continues_code(chunk, line)
        if not line.strip():
            self._is_after_blank = True
            stays = chunk.kind in (Kind.LIST, Kind.INDENTED)
        else:
            stays = self._takes(chunk, line)
            self._is_after_blank = False
        if stays:
            chunk.add(line)
        return stays

    def _continues_code(self, chunk: Chunk, line: str) -> bool:
        assert self.fence is not None
        if self.fence.is_closed_by(line):
            self._is_over = True
        else:
            chunk.add(self.fence.stripped(line))
        return True

    def _takes(self, chunk: Chunk, line: str) -> bool:
        if chunk.kind is Kind.LIST:
            return self._list_takes(chunk, line)
        if chunk.kind is Kind.INDENTED:
            return _indent(line) >= 4
        if chunk.kind is Kind.FORMULA:
            self._is_over = line.rstrip().endswith(self._closer)
            return True
        return not _begins_other(line)

    def _list_takes(self, chunk: Chunk, line: str) -> bool:
        if _indent(line) >= self._content_indent:
            self._mind_inner_fence(line)
            return True
        self._inner_fence = None
        if _ITEM.match(line) and not _RULE.match(line):
            self._enter_item(line)
            return chunk.size < MAX_LIST
        return not self._is_after_blank and not _begins_other(line) and not _RULE.match(line)

    def _enter_item(self, line: str) -> None:
        found = _ITEM.match(line)
        assert found is not None
        space = len((found[3] or "").expandtabs(4))
        self._content_indent = len(found[1]) + len(found[2]) + (space if 1 <= space <= 4 else 1)
        self._inner_fence = Fence.opened_by(line[found.end() :])

    def _mind_inner_fence(self, line: str) -> None:
        if self._inner_fence is None:
            self._inner_fence = Fence.opened_by(line)
        elif self._inner_fence.is_closed_by(line):
            self._inner_fence = None


def _begins_other(line: str) -> bool:
    """Whether the line begins a block of another kind without an empty line before it."""
    fence = Fence.opened_by(line)
    if (fence and fence.indent <= 3) or _HEADING.match(line):
        return True
    return (_INTERRUPTS.match(line) is not None and not _RULE.match(line)) or _FORMULA.match(line) is not None


def _indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip(" "))
