"""Turn ids into text that is safe to show: bytes wait here until they are whole characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

REPLACEMENT = "\ufffd"
LONGEST_PARTIAL = 8


class Detokenizer:
    """Ids go in one by one; the texts that come out, joined, are the text of all ids together.

    A character may be spread over several tokens, and what a token looks like depends on its neighbours. So a short
    window is decoded with and without the new tokens, and the difference is the new text. The window moves on when
    the text does not end in half a character. It begins with the ids `before`, which were shown elsewhere.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], before: Sequence[int] = ()) -> None:
        self._decode = decode
        self._window: list[int] = list(before)
        self._shown_ids = len(self._window)
        self._shown_text = decode(self._window) if before else ""

    def feed(self, token_id: int) -> str:
        """Add an id and return the text that is complete now, which may be empty."""
        self._window.append(token_id)
        text = self._decode(self._window)
        partial = text.endswith(REPLACEMENT) and len(self._window) - self._shown_ids < LONGEST_PARTIAL
        if partial or len(text) <= len(self._shown_text):
            return ""
        return self._advance(text)

    def flush(self) -> str:
        """What was held back, when nothing more will come: half a character shows as U+FFFD."""
        text = self._decode(self._window)
        return self._advance(text) if len(text) > len(self._shown_text) else ""

    def _advance(self, text: str) -> str:
        new = text[len(self._shown_text) :]
        self._window = self._window[self._shown_ids :]
        self._shown_ids = len(self._window)
        self._shown_text = self._decode(self._window)
        return new
