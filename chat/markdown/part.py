"""One part of a text, the thoughts or the answer: takes its characters as they come, gives its blocks as they end."""

from __future__ import annotations

from chat.markdown.cutter import Chunk, Cutter
from chat.markdown.writer import Writer


class Part:
    """The blocks of a part. `partial` is the line that has no end yet."""

    def __init__(self) -> None:
        self.partial = ""
        self.writer = Writer()
        self._cutter = Cutter()
        self._held = ""  # a carriage return whose line feed may follow

    def push(self, text: str) -> list[str]:
        """The HTML of each block that these next characters finish."""
        text = self._held + text.encode("utf-8", "replace").decode()  # A lone surrogate is no character.
        self._held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        *lines, self.partial = (self.partial + text).split("\n")
        return [self.writer.html(chunk) for line in lines for chunk in self._cutter.add(line)]

    def finish(self) -> list[str]:
        """The HTML of the blocks that are left, now that no text comes."""
        line, self.partial = self.partial, ""
        return [self.writer.html(chunk) for chunk in [*self._cutter.add(line), *self._cutter.finish()]]

    @property
    def open(self) -> Chunk | None:
        """The block that may still grow, without the line that has no end yet; None between blocks."""
        return self._cutter.open

    @property
    def shown_partial(self) -> str:
        """As much of the unfinished line as can be shown: not what may turn out to be a mark."""
        fence = self._cutter.fence
        if fence is None:
            return self.partial
        return "" if fence.may_be_closed_by(self.partial) else fence.stripped(self.partial)


def whole(text: str) -> str:
    """The HTML of a part that has all its text."""
    part = Part()
    return "".join([*part.push(text), *part.finish()])
