"""Tells what a model thought aloud from what it said, by the tags that reasoning models put around their thoughts.

Thoughts are looked for at the start of a text only, so that an answer may speak about such tags.
"""

from __future__ import annotations

import re

CLOSER_OF = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
    "<|begin_of_thought|>": "<|end_of_thought|>",
}
MAX_TAG = max(map(len, [*CLOSER_OF, *CLOSER_OF.values()]))
MAX_SPACE = 200
"""A text that begins with more space has no thoughts."""
_LONE_CLOSER = re.compile(
    "^[ \t]*(?:" + "|".join(re.escape(closer) for closer in CLOSER_OF.values()) + ")[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_OPENER = re.compile("|".join(re.escape(opener) for opener in CLOSER_OF), re.IGNORECASE)


class ThoughtReader:
    """Parts a growing text in thoughts and answer."""

    def __init__(self) -> None:
        self._closer = ""  # of the open thought
        self._is_begun = False
        self._held = ""  # what may yet turn out to be a tag

    def push(self, text: str) -> tuple[str, str]:
        """What these next characters add to the thoughts, and to the answer."""
        self._held += text
        if not self._is_begun and not self._begin():
            return "", ""
        if not self._closer:
            return "", self._release()
        return self._think()

    def finish(self) -> tuple[str, str]:
        """What was held back, now that no text comes."""
        held = self._release()
        return (held, "") if self._closer else ("", held)

    @property
    def is_answering(self) -> bool:
        """Whether no thoughts will come any more."""
        return self._is_begun and not self._closer

    def _begin(self) -> bool:
        """Whether it is clear by now if the text begins with a thought."""
        rest = self._held.lstrip()
        if len(self._held) - len(rest) > MAX_SPACE:
            self._is_begun = True
            return True
        start = rest[:MAX_TAG].lower()
        opener = next((opener for opener in CLOSER_OF if start.startswith(opener)), None)
        if opener is None and any(opener.startswith(start) for opener in CLOSER_OF):
            return False
        self._is_begun = True
        if opener is not None:
            self._closer = CLOSER_OF[opener]
            self._held = rest[len(opener) :]
        return True

    def _think(self) -> tuple[str, str]:
        if found := re.search(re.escape(self._closer), self._held, re.IGNORECASE):
            thought, answer = self._held[: found.start()], self._held[found.end() :]
            self._closer = self._held = ""
            return thought, answer
        cut = max(0, len(self._held) - len(self._closer))
        cut += next(place for place in range(MAX_TAG + 1) if self._closer.startswith(self._held[cut + place :].lower()))
        thought, self._held = self._held[:cut], self._held[cut:]
        return thought, ""

    def _release(self) -> str:
        held, self._held = self._held, ""
        return held


def split_reasoning(text: str) -> tuple[str, str]:
    """The thoughts and the answer, both without the tags and the space around them.

    A thought that is still open takes all the rest. Where the opening tag stood in the prompt, a closing tag on a line
    of its own tells what was thought.
    """
    lone = _LONE_CLOSER.search(text)
    if lone and not _OPENER.search(text[: lone.start()]):
        return text[: lone.start()].strip(), text[lone.end() :].strip()
    reader = ThoughtReader()
    thought, answer = reader.push(text)
    last_thought, last_answer = reader.finish()
    return (thought + last_thought).strip(), (answer + last_answer).strip()
