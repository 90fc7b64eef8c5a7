"""What every reader gives: rows of numbers, and the facts of the run that stand between them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

LONGEST_NAME = 120
MOST_MARKS = 2000
LONGEST_LINE = 2**20
STEP_NAMES = ("step", "global_step", "_step", "iter", "iter_num", "iteration", "current_steps", "steps", "it")
TIME_NAMES = ("at", "_timestamp", "timestamp", "wall_time", "walltime", "unix_time")
TOKEN_NAMES = ("tokens", "num_input_tokens_seen", "num_tokens", "tokens_seen", "total_tokens")
_WORDS = {"nan": math.nan, "inf": math.inf, "infinity": math.inf, "+inf": math.inf, "-inf": -math.inf,
          "-infinity": -math.inf}  # fmt: skip


class Row(NamedTuple):
    """Numbers that belong to one step; NaN and infinities are kept. `at` is Unix time, `tokens` those of the run."""

    values: dict[str, float]
    step: int | None = None
    at: float | None = None
    tokens: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a step: a checkpoint, an order obeyed, a sample, an error, the start, the end."""

    kind: str
    text: str
    step: int | None
    at: float | None
    path: str | None = None


@dataclass(slots=True)
class Facts:
    """What a log says of its run besides numbers. None is what it does not say; times are Unix seconds.

    `writer` is the process that writes: its number, its mark, its machine.
    """

    total_steps: int | None = None
    total_epochs: float | None = None
    epoch: float | None = None
    step: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    failure: str | None = None
    is_paused: bool = False
    writer: tuple[int, str | None, str] | None = None
    has_two_writers: bool = False
    controls: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    marks: deque[Mark] = field(default_factory=lambda: deque(maxlen=MOST_MARKS))
    skipped: int = 0


class Reader(Protocol):
    """Reads one kind of log. What is fed continues what was fed before; the last record may be cut anywhere."""

    facts: Facts

    def feed(self, data: bytes) -> Iterator[Row]:
        """The rows that are whole by now."""
        ...

    def jump(self) -> None:
        """What is fed next lies further on in the file, and begins in the middle of a record."""
        ...


class LineReader:
    """A log of lines. A child says what one line means; one that is too long is passed over and counted."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._rest = b""
        self._is_inside = False

    def feed(self, data: bytes) -> Iterator[Row]:
        """The rows of the lines that are whole by now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._is_inside and lines:
            lines, self._is_inside = lines[1:], False
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._is_inside = b"", True
            self.facts.skipped += 1
        for line in lines:
            if not line or line.isspace():
                continue
            if len(line) > LONGEST_LINE:
                self.facts.skipped += 1
                continue
            row = self.row(line)
            if row is not None:
                yield row

    def jump(self) -> None:
        """Forget the line that was begun, and pass over the one that comes next."""
        self._rest, self._is_inside = b"", True

    def row(self, line: bytes) -> Row | None:
        """What a line says, None where it has no numbers to draw."""
        raise NotImplementedError


def number(value: object) -> float | None:
    """A number from JSON or from a cell, also one that is written as a word; None for everything else."""
    if type(value) is float:
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if not isinstance(value, str) or not value or len(value) > 64:
        return None
    word = value.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        return float(word) if word[-1:].isdigit() or word.endswith(".") else None
    except ValueError:
        return None


def finite(value: object) -> float | None:
    """A number that is neither NaN nor infinite; None for everything else."""
    found = number(value)
    return found if found is not None and math.isfinite(found) else None


def whole(value: object) -> int | None:
    """A count that may be a step: a whole number that is not negative, within what a screen can show."""
    if type(value) is int:
        return value if 0 <= value < 10**15 else None
    found = number(value)
    return int(found) if found is not None and 0 <= found < 1e15 and found == int(found) else None


def moment(value: object) -> float | None:
    """A Unix time in seconds; milliseconds are known by their size."""
    found = finite(value)
    if found is None:
        return None
    if 1e12 < found < 1e14:
        found /= 1000
    return found if 1e8 < found < 1e11 else None


def row_of(fields: Mapping[str, Any], facts: Facts, skipped: frozenset[str] = frozenset()) -> Row | None:
    """A row from named values, however the tool calls step, time and tokens; one level of nesting is opened.

    This is done for every line of every log, so it goes through the fields once.
    """
    values: dict[str, float] = {}
    told: dict[str, float] = {}
    for name, value in fields.items():
        role = _ROLES.get(name)
        if role is not None:
            found = _READ[role](value)
            if found is not None:
                told.setdefault(role, found)
        elif type(value) is float:
            if name not in skipped and name[:1] != "_":
                values["learning_rate" if name == "lr" else name[:LONGEST_NAME]] = value
        elif name not in skipped and name[:1] != "_":
            _note(values, name, value)
    step = told.get("step")
    if step is not None:
        facts.step = step = int(step)
    facts.epoch = told.get("epoch", facts.epoch)
    return Row(values, step, told.get("at"), told.get("tokens")) if values else None


def _note(values: dict[str, float], name: str, value: object) -> None:
    """A value that is not simply a number."""
    if isinstance(value, dict):
        inner = ((f"{name}/{key}", number(one)) for key, one in value.items())
        values.update((key[:LONGEST_NAME], one) for key, one in inner if one is not None)
    elif (found := number(value)) is not None:
        values["learning_rate" if name == "lr" else name[:LONGEST_NAME]] = found


_ROLES = {
    **dict.fromkeys(STEP_NAMES, "step"),
    **dict.fromkeys(TIME_NAMES, "at"),
    **dict.fromkeys(TOKEN_NAMES, "tokens"),
    "epoch": "epoch",
}
_READ: dict[str, Callable[[object], float | None]] = {"step": whole, "at": moment, "tokens": finite, "epoch": finite}
