"""How far a program is, from what it prints: our own lines of JSON, marked lines, and progress bars."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

LONGEST = 4000
_MARKED = re.compile(r"\[PROGRESS\]\s{0,4}([^:]{1,80}):\s{0,4}(\d{1,15})\s{0,4}/\s{0,4}(\d{1,15})")
_BAR = re.compile(r"(?:^|\s)(?:([^|%\r\n]{1,80}):\s{1,4})?\d{1,3}%\|[^|]{0,200}\|\s{0,4}(\d{1,15})/(\d{1,15})\s")
_CURRENT = ("current", "step", "done", "completed")
_TOTAL = ("total", "total_steps", "max_steps")


class Reached(NamedTuple):
    """So much of this stage is done."""

    stage: str
    current: int
    total: int


def reached(lines: Iterable[str]) -> Reached | None:
    """The last thing that these lines say about progress; None where they say nothing."""
    found = None
    for line in lines:
        found = _of_line(line[-LONGEST:].rpartition("\r")[2] or line[-LONGEST:]) or found
    return found


def of_object(told: dict[str, Any]) -> Reached | None:
    """Progress from an object, whatever it calls its numbers."""
    current = next((told[name] for name in _CURRENT if _is_count(told.get(name))), None)
    total = next((told[name] for name in _TOTAL if _is_count(told.get(name))), None)
    if current is None or not total:
        return None
    return Reached(str(told.get("stage") or "")[:80], min(current, total), total)


def _of_line(line: str) -> Reached | None:
    if line.lstrip().startswith("{"):
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return of_object(told) if isinstance(told, dict) else None
    found = _MARKED.search(line) or _BAR.search(line)
    if found is None or int(found[3]) == 0:
        return None
    return Reached((found[1] or "").strip(), min(int(found[2]), int(found[3])), int(found[3]))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15
