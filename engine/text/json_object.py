"""A JSON object found in a growing text: where it ends, known as soon as its last brace has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class GrowingObject:
    """Text goes in from the opening brace on. Braces inside strings do not count."""

    text: str = ""
    is_whole: bool = False
    _depth: int = 0
    _in_string: bool = False
    _is_escaped: bool = False

    def feed(self, text: str) -> str:
        """Add text and return what lies behind the object's end."""
        for at, character in enumerate(text):
            if self._closes(character):
                self.is_whole = True
                self.text += text[: at + 1]
                return text[at + 1 :]
        self.text += text
        return ""

    def _closes(self, character: str) -> bool:
        if self._in_string:
            self._in_string = self._is_escaped or character != '"'
            self._is_escaped = character == "\\" and not self._is_escaped
            return False
        self._in_string = character == '"'
        self._depth += (character in "{[") - (character in "}]")
        return self._depth == 0 and character in "}]"
