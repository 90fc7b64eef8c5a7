"""All training runs below some folders: what they do now, their curves, their logs, and orders to them.

Ids are looked up among what was found, and never become part of a path.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.control import Order, give_order
from training.curves import Axis, Curve, Curves, Point, kind_of
from training.discovery import FoundRun, find_runs
from training.foreign.row import Mark
from training.glance import LogGlance, now
from training.log_piece import LogPiece, read_piece
from training.run_writer import plain
from training.settings_files import read_settings
from training.source import Source
from training.summary import Checkpoint, Summary, summarise

SECONDS_BETWEEN_SEARCHES = 3.0
SECONDS_BETWEEN_LOOKS = 0.5
MOST_OPEN_RUNS = 12
SECONDS_TO_READ = 4.0


class UnknownRun(LookupError):
    """No run has that id now."""


class NotSteerable(ValueError):
    """The run takes no such order, or takes none now."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A metric's points as they are drawn."""

    name: str
    kind: str
    points: list[Point]


class _Open:
    """A run whose curves are kept: one set for each of its logs."""

    def __init__(self, run: FoundRun) -> None:
        self.logs = tuple(run.logs)
        self._read = [(Source(log), Curves()) for log in run.logs]
        self._generations = [0] * len(self._read)
        self.lock = threading.Lock()

    def read(self, until: float) -> bool:
        """Bring the curves up to date; whether that was done before the time was over."""
        for at, (source, curves) in enumerate(self._read):
            for row in source.rows(until):
                self._start_over_if_replaced(at)
                curves.add(row)
            self._start_over_if_replaced(at)
        return not any(source.is_behind for source, _ in self._read)

    def _start_over_if_replaced(self, at: int) -> None:
        source, curves = self._read[at]
        if source.generation != self._generations[at]:
            self._generations[at] = source.generation
            curves.by_name.clear()

    def curves(self) -> dict[str, Curve]:
        """By name; where two logs tell the same the more telling one counts, pieces of one log's kind are joined."""
        found: dict[str, Curve] = {}
        owners: dict[str, str] = {}
        for log, (_, curves) in zip(self.logs, self._read, strict=True):
            for name, curve in curves.by_name.items():
                plain = name.removeprefix("train/").replace("/", "_")
                owner = owners.setdefault(plain, log.kind)
                if owner != log.kind:
                    continue
                found[name] = curve if name not in found else _joined(found[name], curve)
        return found

    def marks(self) -> list[Mark]:
        """What happened at which step."""
        return [mark for source, _ in self._read for mark in source.facts.marks]


class Runs:
    """The runs below these folders. Every method may be called from any thread."""

    def __init__(self, *roots: Path, checkpoints: Callable[[], Sequence[Checkpoint]] = tuple) -> None:
        self._roots = roots
        self._checkpoints = checkpoints
        self._lock = threading.Lock()
        self._found: dict[str, FoundRun] = {}
        self._glances: dict[str, list[LogGlance]] = {}
        self._summaries: dict[str, Summary] = {}
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._searched_at = self._looked_at = -SECONDS_BETWEEN_SEARCHES
        self._search_seconds = 0.0
        self._last_checkpoints: Sequence[Checkpoint] = ()

    def all(self) -> list[Summary]:
        """Every run, the newest first. Looks at the disk at most twice a second, however many ask."""
        with self._lock:
            if time.monotonic() - self._looked_at >= SECONDS_BETWEEN_LOOKS:
                self._search()
                self._look(self._checkpoints())
                self._looked_at = time.monotonic()
            shown = [summary for summary in self._summaries.values() if summary.is_worth_showing]
        return sorted(shown, key=lambda one: (-(one.updated_at or 0.0), one.id))

    def one(self, run_id: str) -> Summary:
        """One run. Raises UnknownRun."""
        for summary in self.all():
            if summary.id == run_id:
                return summary
        raise UnknownRun(run_id)

    def series(
        self, run_id: str, names: Sequence[str] | None, x: Axis, points: int, first: float = float("-inf"),
        last: float = float("inf"),
    ) -> tuple[list[Drawn], list[Mark], bool]:  # fmt: skip
        """The curves of a run, thinned; the marks in it; and whether all of it was read in time. Raises UnknownRun."""
        kept = self._opened(run_id)
        with kept.lock:
            is_whole = kept.read(time.monotonic() + SECONDS_TO_READ)
            curves = kept.curves()
            chosen = curves if names is None else {name: curves[name] for name in names if name in curves}
            drawn = [Drawn(name, kind_of(name), one.points(x, points, first, last)) for name, one in chosen.items()]
            return drawn, kept.marks(), is_whole

    def log(self, run_id: str, offset: int) -> LogPiece:
        """A piece of the run's text log, or of its most telling log where it has none. Raises UnknownRun."""
        run = self._lookup(run_id)
        texts = [log for log in run.logs if log.kind == "text"] or [
            log for log in run.logs if log.kind in ("events", "csv", "jsonl")
        ]
        return read_piece(texts[-1].path, offset) if texts else LogPiece("", 0, True, 0, None)

    def settings(self, run_id: str) -> dict[str, Any]:
        """What the run was configured with, as far as it left that anywhere. Raises UnknownRun."""
        run = self._lookup(run_id)
        with self._lock:
            told: list[Mapping[str, Any]] = [glance.facts.config for glance in self._glances.get(run_id, ())]
        found = next((one for one in told if one), None) or read_settings(run)
        return plain(found)

    def order(self, run_id: str, act: str, value: float | None) -> Order:
        """Tell a run to do something. Raises UnknownRun, NotSteerable, ValueError, OSError."""
        summary, run = self.one(run_id), self._lookup(run_id)
        events = [log for log in run.logs if log.kind == "events"]
        if not summary.controls or not events:
            raise NotSteerable(
                "this run takes no orders: either it is over, or its training script does not ask for any"
            )
        if act not in summary.controls:
            raise NotSteerable(f"this run takes the orders {', '.join(summary.controls)} now, and not {act}")
        return give_order(events[0].path.parent, act, value)

    def _search(self) -> None:
        """Look for runs, but never for more than a tenth of the time."""
        pause = max(SECONDS_BETWEEN_SEARCHES, 10 * self._search_seconds)
        began = time.monotonic()
        if began - self._searched_at < pause:
            return
        self._found = find_runs(self._roots)
        for run_id, run in self._found.items():
            before = {glance.source.log: glance for glance in self._glances.get(run_id, ())}
            self._glances[run_id] = [before.get(log) or LogGlance(log) for log in run.logs]
        for run_id in self._glances.keys() - self._found.keys():
            self._forget(run_id)
        self._searched_at = time.monotonic()
        self._search_seconds = self._searched_at - began

    def _look(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Bring every summary up to date; of a run that is over nothing is new unless its files are."""
        is_same, self._last_checkpoints = checkpoints == self._last_checkpoints, checkpoints
        for run_id, glances in list(self._glances.items()):
            news = [glance.look() for glance in glances]
            if not any(glance.source.is_there for glance in glances):
                self._forget(run_id)
                continue
            before = self._summaries.get(run_id)
            if any(news) or not is_same or before is None or before.state not in ("finished", "failed"):
                self._summaries[run_id] = summarise(self._found[run_id], glances, checkpoints, now())

    def _forget(self, run_id: str) -> None:
        del self._glances[run_id]
        self._found.pop(run_id, None)
        self._summaries.pop(run_id, None)
        self._open.pop(run_id, None)

    def _lookup(self, run_id: str) -> FoundRun:
        self.all()
        with self._lock:
            if run_id not in self._found:
                raise UnknownRun(run_id)
            return self._found[run_id]

    def _opened(self, run_id: str) -> _Open:
        run = self._lookup(run_id)
        with self._lock:
            kept = self._open.get(run_id)
            if kept is None or kept.logs != tuple(run.logs):
                kept = self._open[run_id] = _Open(run)
            self._open.move_to_end(run_id)
            while len(self._open) > MOST_OPEN_RUNS:
                self._open.popitem(last=False)
            return kept


def as_json(summary: Summary) -> dict[str, Any]:
    """A run as the interface shows it."""
    told = asdict(summary)
    del told["is_worth_showing"]
    return told


def _joined(first: Curve, second: Curve) -> Curve:
    """A metric whose points lie in several files of one kind, in the order of the files."""
    joined = Curve(first.name)
    for name in ("steps", "times", "tokens", "values"):
        setattr(joined, name, getattr(first, name) + getattr(second, name))
    return joined
