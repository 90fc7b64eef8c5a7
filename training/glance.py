"""A run at a glance: where it is, how fast it goes, and what looks wrong, from the beginnings and ends of its logs."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from training.curves import kind_of
from training.foreign.row import Facts, Row
from training.source import Log, Source

RECENT = 300
MOST_METRICS = 400
# The main loss of a kind is the one with the plainest name.
MAIN = ("loss", "train_loss", "train/loss", "loss/train", "val_loss", "eval_loss", "eval/loss", "loss/val", "val/loss")


class Moment(NamedTuple):
    """Where the run was at a time."""

    at: float
    step: int
    tokens: float | None


@dataclass(frozen=True, slots=True)
class Warned:
    """Something about the run that its owner would want to know."""

    code: str
    message: str


@dataclass(slots=True)
class Series:
    """What is remembered of one metric: its last value, its smallest with its step, and the values of late."""

    last: float = math.nan
    best: float = math.inf
    best_step: int | None = None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def add(self, value: float, step: int | None) -> None:
        """One more value."""
        self.last = value
        self.recent.append(value)
        if value < self.best:
            self.best, self.best_step = value, step


class LogGlance:
    """One log at a glance, brought up to date with `look`."""

    def __init__(self, log: Log) -> None:
        self.source = Source(log, at_a_glance=True)
        self._generation = 0
        self._forget()

    def look(self) -> bool:
        """Read what is new; whether there was anything."""
        size, modified = self.source.size, self.source.modified_at
        for row in self.source.rows():
            self._start_over_if_replaced()
            self._note(row)
        self._start_over_if_replaced()
        if self.moments and self.timeless:
            # A log without times was written to just now, as far as can be told.
            self._observe(self.source.modified_at, self.step)
        return (size, modified) != (self.source.size, self.source.modified_at)

    @property
    def facts(self) -> Facts:
        """What the log says besides numbers."""
        return self.source.facts

    def _start_over_if_replaced(self) -> None:
        if self._generation != self.source.generation:
            self._generation = self.source.generation
            self._forget()

    def _forget(self) -> None:
        self.series: dict[str, Series] = {}
        self.moments: deque[Moment] = deque(maxlen=RECENT)
        self.step: int | None = None
        self.furthest: int = -1
        self.went_back: tuple[int, int] | None = None
        self.not_finite: dict[str, int | None] = {}
        self.at: float | None = None
        self.first_at: float | None = None
        self.timeless = True

    def _note(self, row: Row) -> None:
        if row.step is not None:
            if self.step is not None and row.step < self.step and row.step < self.furthest:
                self.went_back = (self.step, row.step)
            self.step, self.furthest = row.step, max(self.furthest, row.step)
        if row.at is not None:
            self.timeless, self.at = False, row.at
            self.first_at = row.at if self.first_at is None else self.first_at
            self._observe(row.at, row.step, row.tokens)
        elif not self.moments and self.step is not None:
            self.moments.append(Moment(0.0, self.step, None))
        for name, value in row.values.items():
            if name in self.series or len(self.series) < MOST_METRICS:
                self.series.setdefault(name, Series()).add(value, row.step)
                if not math.isfinite(value):
                    self.not_finite.setdefault(name, row.step)

    def _observe(self, at: float, step: int | None, tokens: float | None = None) -> None:
        if step is not None and (not self.moments or self.moments[-1].at != at):
            self.moments.append(Moment(at, step, tokens))


def speed(moments: Iterable[Moment]) -> tuple[float | None, float | None]:
    """Steps and tokens a second over the moments of late, pauses left out by taking the median."""
    known = [moment for moment in moments if moment.at > 0]
    steps, tokens = [], []
    for before, after in pairwise(known):
        seconds = after.at - before.at
        if seconds <= 0 or after.step <= before.step:
            continue
        steps.append(seconds / (after.step - before.step))
        if before.tokens is not None and after.tokens is not None and after.tokens > before.tokens:
            tokens.append((after.tokens - before.tokens) / seconds)
    return (1 / statistics.median(steps) if steps else None, statistics.median(tokens) if tokens else None)


def main_loss(series: dict[str, Series], kind: str) -> tuple[str, Series] | None:
    """The run's loss of that kind, where it has several names for it."""
    found = [name for name in series if kind_of(name) == kind]
    if not found:
        return None
    name = min(found, key=lambda one: (MAIN.index(one) if one in MAIN else len(MAIN), len(one), one))
    return name, series[name]


def warnings_of(glances: list[LogGlance], state: str, quiet_seconds: float) -> list[Warned]:
    """What looks wrong, the worst first."""
    found: list[Warned] = []
    for glance in glances:
        name = glance.source.log.path.name
        for metric, step in list(glance.not_finite.items())[:3]:
            where = "" if step is None else f" at step {step}"
            found.append(Warned("not_finite", f"{metric} was NaN or infinite{where}."))
        if glance.facts.has_two_writers:
            found.append(Warned("two_writers", f"Two processes write into {name} at once; the curves mix two runs."))
        if glance.went_back is not None:
            before, after = glance.went_back
            found.append(
                Warned("step_went_back", f"The steps went from {before} back to {after}; the later ones count.")
            )
        if glance.source.problem is not None:
            found.append(Warned("unreadable", glance.source.problem))
        if glance.facts.skipped:
            found.append(Warned("skipped_lines", f"{glance.facts.skipped} lines of {name} could not be read."))
    found += _divergence(glances)
    if state == "stalled":
        found.append(Warned("stalled", f"Nothing was written for {_words(quiet_seconds)}, and the run had not ended."))
    return found


def _divergence(glances: list[LogGlance]) -> list[Warned]:
    """The loss of late against the best stretch of the time before, in both by medians, so that one spike is none."""
    for glance in glances:
        loss = main_loss(glance.series, "train_loss")
        values = [] if loss is None else [value for value in loss[1].recent if math.isfinite(value)]
        if loss is None or len(values) < 60:
            continue
        late = statistics.median(values[-10:])
        best = min(statistics.median(values[at : at + 10]) for at in range(0, len(values) - 20, 5))
        if best > 0 and late > 1.5 * best and late - best > 0.5:
            return [Warned("divergence", f"{loss[0]} rose to {late:.4g} after it had been at {best:.4g}.")]
    return []


def _words(seconds: float) -> str:
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"


def now() -> float:
    """The time by which it is judged how long a run was quiet."""
    return time.time()
