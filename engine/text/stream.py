"""One answer's way from token ids to text: whole characters, up to a stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.text.detokenizer import Detokenizer
from engine.text.stops import StopScanner


class TextStream:
    """The text of one answer while it grows. `text` is all that was given out so far."""

    def __init__(
        self, decode: Callable[[Sequence[int]], str], stops: Sequence[str], before: Sequence[int] = ()
    ) -> None:
        self._detokenizer = Detokenizer(decode, before)
        self._scanner = StopScanner(stops)
        self._parts: list[str] = []

    @property
    def is_stopped(self) -> bool:
        """Whether a stop string was met."""
        return self._scanner.is_stopped

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def feed(self, token_id: int) -> str:
        """Add an id and return the text to show now."""
        return self._show(self._scanner.feed(self._detokenizer.feed(token_id)))

    def flush(self) -> str:
        """The rest, when no token will come any more."""
        rest = self._scanner.feed(self._detokenizer.flush())
        return self._show(rest + self._scanner.flush())

    def _show(self, text: str) -> str:
        if text:
            self._parts.append(text)
        return text
