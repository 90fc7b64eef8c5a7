"""The YAML that tools write their settings in: names and values, one below the other, nested by indentation.

Of YAML's rest nothing is read: no anchors, no tags, no texts over several lines. What is not understood is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from engine.errors import CheckpointProblem

LONGEST_FILE, MOST_LINES, DEEPEST = 1024 * 1024, 20_000, 16
ENTRY = re.compile(r"""(?P<key>"[^"]*"|'[^']*'|[^\s:#'"][^:#]*?)\s*:(?:\s+(?P<value>.*))?""")
WHOLE = re.compile(r"[-+]?\d{1,18}")
NUMBER = re.compile(r"[-+]?(\d{1,18}\.\d{0,18}|\.\d{1,18}|\d{1,18}(?=[eE]))([eE][-+]?\d{1,3})?")
WORDS = {"null": None, "~": None, "": None, "true": True, "false": False, "yes": True, "no": False}
NOT_READ = ("&", "*", "!", "|", ">", "%", "@", "`")

Line = tuple[int, str]


def read_if_there(file: Path) -> dict[str, Any]:
    """The settings in a file, or nothing where there is no such file. Raises CheckpointProblem, `config_invalid`."""
    if not file.is_file():
        return {}
    if file.stat().st_size > LONGEST_FILE:
        raise _unreadable(f"{file.name} has more than {LONGEST_FILE} bytes")
    try:
        found = parse(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, CheckpointProblem) as error:
        raise _unreadable(f"{file.name} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise _unreadable(f"{file.name} holds no names with values")
    return found


def parse(text: str) -> Any:
    """The value of a document. Raises CheckpointProblem, `config_invalid`, for what is not read here."""
    lines = [line for each in text.splitlines() if (line := _line(each)) is not None]
    if len(lines) > MOST_LINES:
        raise _unreadable(f"it has more than {MOST_LINES} lines")
    value, rest = _block(lines, 0, 0) if lines else ({}, 0)
    if rest < len(lines):
        raise _unreadable(f"the line {lines[rest][1][:60]!r} is indented as none before it")
    return value


def _line(text: str) -> Line | None:
    plain = text.rstrip()
    content = plain.lstrip(" ")
    if not content or content.startswith("#") or content in ("---", "..."):
        return None
    if content.startswith("\t"):
        raise _unreadable("it is indented by tabs")
    return len(plain) - len(content), content


def _block(lines: list[Line], place: int, depth: int) -> tuple[Any, int]:
    if depth > DEEPEST:
        raise _unreadable(f"it is nested deeper than {DEEPEST} times")
    indent, content = lines[place]
    return _items(lines, place, indent, depth) if _is_item(content) else _entries(lines, place, indent, depth)


def _entries(lines: list[Line], place: int, indent: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while place < len(lines) and lines[place][0] == indent and not _is_item(lines[place][1]):
        match = ENTRY.fullmatch(lines[place][1])
        if match is None:
            raise _unreadable(f"the line {lines[place][1][:60]!r} is no name with a value")
        key, place = str(_scalar(match["key"])), place + 1
        if key in found:
            raise _unreadable(f"the name {key[:60]!r} stands there twice")
        value = _without_comment(match["value"] or "")
        is_nested = not value and place < len(lines) and _is_inside(lines[place], indent)
        found[key], place = _block(lines, place, depth + 1) if is_nested else (_scalar(value), place)
    return found, place


def _items(lines: list[Line], place: int, indent: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while place < len(lines) and lines[place][0] == indent and _is_item(lines[place][1]):
        content = lines[place][1][1:].lstrip(" ")
        if content and ENTRY.fullmatch(content) and content[0] not in "\"'[{":
            raise _unreadable("it has a list of names with values")
        found.append(_scalar(_without_comment(content)))
        place += 1
    return found, place


def _is_item(content: str) -> bool:
    return content == "-" or content.startswith("- ")


def _is_inside(line: Line, indent: int) -> bool:
    """Lists may stand as far left as the name that they belong to."""
    return line[0] > indent or (line[0] == indent and _is_item(line[1]))


def _without_comment(text: str) -> str:
    return text if text[:1] in "\"'" else re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()


def _scalar(text: str) -> Any:
    if text[:1] in ('"', "'"):
        return _quoted(text)
    if text[:1] in ("[", "{"):
        return _in_line(text)
    if text.startswith(NOT_READ):
        raise _unreadable(f"{text[:60]!r} is not read here")
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    if WHOLE.fullmatch(text):
        return int(text)
    return float(text) if NUMBER.fullmatch(text) else text


def _quoted(text: str) -> str:
    match = re.fullmatch(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*(?:#.*)?""", text)
    if match is None:
        raise _unreadable(f"the text {text[:60]!r} does not end")
    if text[0] == "'":
        return match[1][1:-1].replace("''", "'")
    try:
        return json.loads(match[1])
    except ValueError as error:
        raise _unreadable(f"the text {text[:60]!r} cannot be read") from error


def _in_line(text: str) -> Any:
    if text in ("[]", "{}"):
        return [] if text == "[]" else {}
    if text[0] == "{" or not text.endswith("]") or any(each in text[1:-1] for each in "[]{}\"'"):
        raise _unreadable(f"{text[:60]!r} is not read here")
    return [_scalar(each.strip()) for each in text[1:-1].split(",")]


def _unreadable(why: str) -> CheckpointProblem:
    return CheckpointProblem(why, code="config_invalid", hint="Put a config.json with the settings beside the weights.")
