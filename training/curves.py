"""The points of a run's metrics, kept small: columns of numbers, thinned in a way that spikes survive."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from training.foreign.row import Row

MOST_POINTS = 400_000
MOST_CURVES = 400
Axis = Literal["step", "time", "tokens"]
Point = tuple[float, float | None, float | None, float | None]
_VALIDATION = re.compile(r"(?:^|[^a-z])(?:val|valid|validation|eval|test|dev)(?:[^a-z]|$)", re.IGNORECASE)
_LOSS = re.compile(r"loss|(?:^|[^a-z])(?:bpb|nll|cross_entropy)(?:[^a-z]|$)", re.IGNORECASE)
_RATE = re.compile(r"(?:^|[/_.])(?:lr|learning[_ ]rate)(?:[-/_.]|$)", re.IGNORECASE)
_SPEED = re.compile(r"(?:per_sec|/s$|_per_s$|tok_s|tokens_per_second|samples_per_second|it/s|mfu)", re.IGNORECASE)


def kind_of(name: str) -> str:
    """What a metric is about, by its name."""
    if _LOSS.search(name) and not _SPEED.search(name):
        return "validation_loss" if _VALIDATION.search(name) else "train_loss"
    if _RATE.search(name):
        return "learning_rate"
    return "speed" if _SPEED.search(name) else "metric"


@dataclass(slots=True)
class Curve:
    """One metric's points in the order in which they were written; NaN stands for what is not known."""

    name: str
    steps: array = field(default_factory=lambda: array("d"))
    times: array = field(default_factory=lambda: array("d"))
    tokens: array = field(default_factory=lambda: array("d"))
    values: array = field(default_factory=lambda: array("d"))

    def add(self, value: float, step: float, at: float, tokens: float) -> None:
        """One more point."""
        self.values.append(value)
        self.steps.append(step)
        self.times.append(at)
        self.tokens.append(tokens)
        if len(self.values) > MOST_POINTS:
            self._thin()

    def points(self, x: Axis, count: int, first: float = -math.inf, last: float = math.inf) -> list[Point]:
        """At most `count` points of that axis: x, the last value of a bucket, its smallest and its largest.

        Where steps go back the later points are shown, since that is where the run went on from.
        """
        along = {"step": self.steps, "time": self.times, "tokens": self.tokens}[x]
        chosen = list(_rising(along, first, last))
        size = max(1, math.ceil(len(chosen) / max(1, count)))
        return [_point(along, self.values, chosen[at : at + size]) for at in range(0, len(chosen), size)]

    def _thin(self) -> None:
        """Of each four points keep the smallest and the largest, in their order."""
        kept = array("L")
        values = self.values
        for at in range(0, len(values), 4):
            four = range(at, min(at + 4, len(values)))
            odd = [one for one in four if not math.isfinite(values[one])]
            two = odd[:2] or {min(four, key=values.__getitem__), max(four, key=values.__getitem__)}
            kept.extend(sorted(two))
        for name in ("steps", "times", "tokens", "values"):
            column = getattr(self, name)
            setattr(self, name, array("d", (column[one] for one in kept)))


class Curves:
    """The curves of one log. Metrics beyond a large number of names are left out."""

    def __init__(self) -> None:
        self.by_name: dict[str, Curve] = {}

    def add(self, row: Row) -> None:
        """The numbers of one row."""
        step = math.nan if row.step is None else float(row.step)
        at = math.nan if row.at is None else row.at
        tokens = math.nan if row.tokens is None else row.tokens
        for name, value in row.values.items():
            curve = self.by_name.get(name)
            if curve is None:
                if len(self.by_name) >= MOST_CURVES:
                    continue
                curve = self.by_name[name] = Curve(name)
            curve.add(value, step, at, tokens)


def _rising(along: Sequence[float], first: float, last: float) -> Iterator[int]:
    """The indices whose x is smaller than everything after it, rising."""
    kept, smallest = array("L"), math.inf
    for at in range(len(along) - 1, -1, -1):
        x = along[at]
        if x < smallest:
            smallest = x
            if first <= x <= last:
                kept.append(at)
    return reversed(kept)


def _point(along: Sequence[float], values: Sequence[float], bucket: Sequence[int]) -> Point:
    held = [values[at] for at in bucket]
    finite = held if math.isfinite(sum(held)) else [value for value in held if math.isfinite(value)]
    value = held[-1] if math.isfinite(held[-1]) else None
    return (along[bucket[-1]], value, min(finite, default=None), max(finite, default=None))
