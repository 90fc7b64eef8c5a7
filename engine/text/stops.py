"""Stop strings in a growing text: what may be the start of one waits until it is known not to be."""

from __future__ import annotations

from collections.abc import Sequence


class StopScanner:
    """Text goes in piece by piece; text that is safe to show comes out, and whether a stop string was met."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.is_stopped = False

    def feed(self, piece: str) -> str:
        """Add text and return what may be shown now. After a stop string nothing more comes out."""
        if self.is_stopped:
            return ""
        text = self._held + piece
        first = min((at for stop in self._stops if (at := text.find(stop)) >= 0), default=None)
        if first is not None:
            self.is_stopped = True
            self._held = ""
            return text[:first]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was held back, when nothing more will come."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The longest end of `text` that is a start of `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
