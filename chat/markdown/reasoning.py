"""Tells what a model thought aloud from what it said, by the tags that reasoning models put around their thoughts."""

from __future__ import annotations

import re

PAIRS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
CLOSER_OF = {opener.lower(): closer.lower() for opener, closer in PAIRS}
_OPENER = re.compile(r"[ \t]*(" + "|".join(re.escape(opener) for opener, _ in PAIRS) + ")", re.IGNORECASE)
_CLOSER = re.compile("|".join(re.escape(closer) for _, closer in PAIRS), re.IGNORECASE)


def split_reasoning(text: str) -> tuple[str, str]:
    """The thoughts and the answer, both without the tags and the space around them.

    A thought that is still open takes all the rest. One whose opening tag stood in the prompt begins at the start of
    the text. Tags that stand inside a line of the answer, as in a text about them, are left alone.
    """
    thoughts: list[str] = []
    answer: list[str] = []
    rest = text
    if (closer := _CLOSER.search(text)) and not any(opens(line) for line in text[: closer.start()].split("\n")):
        thoughts.append(text[: closer.start()])
        rest = text[closer.end() :]
    while found := _next_opener(rest):
        answer.append(rest[: found.start()])
        thought, rest = _until(rest[found.end() :], CLOSER_OF[found[1].lower()])
        thoughts.append(thought)
    return _joined(thoughts), _joined([*answer, rest])


def opens(line: str) -> re.Match[str] | None:
    """The match of an opening tag that begins this line; its group 1 is the tag."""
    return _OPENER.match(line)


def _next_opener(text: str) -> re.Match[str] | None:
    return next((found for found in _OPENER.finditer(text) if text[: found.start()].endswith(("\n",)) or not found.start()), None)


def _until(text: str, closer: str) -> tuple[str, str]:
    end = text.lower().find(closer)
    return (text, "") if end < 0 else (text[:end], text[end + len(closer) :])


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in (part.strip() for part in parts) if part)
