"""How far a task is, told to whoever started it: lines of JSON on a pipe, or words on a terminal.

Each line is an object with a `type`: `progress` has `stage`, `current` and `total`; the last line is either `result`
with a `result` or `error` with an `error` of `code`, `message` and `hint`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from engine.errors import EngineError

SECONDS_BETWEEN = 0.1


class Report(Protocol):
    """Says that `current` of `total` are done in this stage; the counts have one unit within a stage."""

    def __call__(self, stage: str, current: int, total: int) -> None: ...


@dataclass(slots=True)
class Lines:
    """Reports to a program, at most ten times a second."""

    stream: IO[str]
    last_stage: str = ""
    last_at: float = field(default=-SECONDS_BETWEEN)

    def progress(self, stage: str, current: int, total: int) -> None:
        """A line of progress, unless the last one was a moment ago; a stage's beginning and end are always told."""
        now = time.monotonic()
        if stage == self.last_stage and current < total and now - self.last_at < SECONDS_BETWEEN:
            return
        self.last_stage, self.last_at = stage, now
        self._write({"type": "progress", "stage": stage, "current": current, "total": total})

    def result(self, result: Any) -> None:
        """The last line of a task that went well."""
        self._write({"type": "result", "result": result})

    def error(self, error: EngineError) -> None:
        """The last line of a task that did not."""
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        self._write({"type": "error", "error": told})

    def _write(self, line: dict[str, Any]) -> None:
        self.stream.write(json.dumps(line) + "\n")
        self.stream.flush()


@dataclass(slots=True)
class Words:
    """Reports to a person: one line for each stage and each tenth of it."""

    stream: IO[str]
    last: tuple[str, int] = ("", -1)

    def progress(self, stage: str, current: int, total: int) -> None:
        """A line where there is something new to say."""
        tenth = 10 * current // max(total, 1)
        if (stage, tenth) != self.last:
            self.last = (stage, tenth)
            self.stream.write(f"{stage}: {10 * tenth} %\n")
            self.stream.flush()

    def error(self, error: EngineError) -> None:
        """What went wrong, and the remedy."""
        self.stream.write(f"{error.message}\n" + (f"{error.hint}\n" if error.hint else ""))
