"""One run as the list shows it, judged from its logs at a glance: state, progress, losses, checkpoints."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from training.curves import kind_of
from training.discovery import FoundRun
from training.foreign.row import Facts
from training.glance import LogGlance, Moment, Series, Warned, main_loss, speed, warnings_of
from training.processes import is_alive

# A log that was quiet for this many of its usual intervals has stalled; after an hour nobody waits any more.
QUIET_INTERVALS, QUIET_SECONDS, OVER_SECONDS = 20, 120.0, 3600.0
MOST_CHECKPOINTS = 50
Value = TypeVar("Value")
DIED = "The process that wrote it ended without saying that training was over."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is known of a checkpoint: its id in the list, its place, its step. `modified_at` is Unix time."""

    id: str
    path: Path
    step: int | None
    size_bytes: int
    modified_at: float


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name and what it is about."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Losses:
    """The last losses, and the best on held-out data where all of the log was looked at."""

    train: float | None = None
    validation: float | None = None
    best_validation: float | None = None
    best_validation_step: int | None = None


@dataclass(frozen=True, slots=True)
class ShownCheckpoint:
    """A checkpoint of the run, as the list shows it."""

    id: str
    step: int | None
    size_bytes: int
    modified_at: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One run. What is not known is None; shares go from 0 to 1 and times are Unix seconds."""

    id: str
    name: str
    state: str
    step: int | None
    total_steps: int | None
    epoch: float | None
    total_epochs: float | None
    progress: float | None
    eta_seconds: float | None
    tokens_per_second: float | None
    losses: Losses
    learning_rate: float | None
    started_at: float | None
    updated_at: float | None
    failure: str | None
    kinds: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    warnings: tuple[Warned, ...] = ()
    controls: tuple[str, ...] = ()
    checkpoints: tuple[ShownCheckpoint, ...] = ()
    log: bool = False
    is_worth_showing: bool = field(default=True, compare=False)


def summarise(run: FoundRun, glances: list[LogGlance], checkpoints: Sequence[Checkpoint], at: float) -> Summary:
    """What the logs say, the more telling ones first; `at` is the time by which it is judged."""
    facts = [glance.facts for glance in glances]
    moments = next((list(glance.moments) for glance in glances if len(glance.moments) > 1), [])
    updated_at = max((glance.source.modified_at for glance in glances), default=None)
    step = next((glance.step for glance in glances if glance.step is not None), None)
    total = _first(fact.total_steps for fact in facts)
    quiet = at - updated_at if updated_at else math.inf
    state = _state(facts, step, total, quiet, moments)
    series = {name: one for glance in reversed(glances) for name, one in glance.series.items()}
    steps_per_second, tokens_per_second = speed(moments)
    left = None if total is None or step is None else max(0, total - step)
    is_going = state in ("running", "paused")
    return Summary(
        id=run.id,
        name=run.id.rpartition("/")[2],
        state=state,
        step=step,
        total_steps=total,
        epoch=_first(fact.epoch for fact in facts),
        total_epochs=_first(fact.total_epochs for fact in facts),
        progress=min(1.0, step / total) if total and step is not None else None,
        eta_seconds=left / steps_per_second if left is not None and steps_per_second and is_going else None,
        tokens_per_second=_finite(tokens_per_second or math.nan) or _logged_speed(series),
        losses=_losses(series, is_whole=all(glance.source.is_whole for glance in glances)),
        learning_rate=_last_of(series, "learning_rate"),
        started_at=_first((*(fact.started_at for fact in facts), *(glance.first_at for glance in glances))),
        updated_at=updated_at,
        failure=(_first(fact.failure for fact in facts) or DIED) if state == "failed" else None,
        kinds=tuple(dict.fromkeys(glance.source.log.kind for glance in glances)),
        metrics=tuple(Metric(name, kind_of(name)) for name in _plain_names(glances)),
        warnings=tuple(warnings_of(glances, state, quiet)),
        controls=_controls(facts, state),
        checkpoints=_checkpoints(run, facts, checkpoints),
        log=any(glance.source.log.kind in ("text", "events", "csv", "jsonl") for glance in glances),
        is_worth_showing=bool(series) or any(fact.writer is not None for fact in facts),
    )


def _state(facts: Sequence[Facts], step: int | None, total: int | None, quiet: float, moments: Sequence[Moment]) -> str:
    told = next((fact for fact in facts if fact.writer is not None), None)
    if any(fact.failure for fact in facts[:1]) or (told is None and any(fact.failure for fact in facts)):
        return "failed"
    if any(fact.ended_at is not None for fact in facts):
        return "finished"
    if told is not None and told.writer is not None and told.writer[2] == platform.node() and told.writer[1]:
        pid, mark, _ = told.writer
        if not is_alive(pid, mark):
            return "failed"
        if told.is_paused:
            return "paused"
    elif told is not None and told.is_paused:
        return "paused"
    if step is not None and total is not None and step >= total - 1:
        return "finished"
    pace = speed(moments)[0]
    interval = _interval(moments) if pace else QUIET_SECONDS
    if quiet < max(QUIET_SECONDS, QUIET_INTERVALS * interval):
        return "running"
    lives = told is not None and told.writer is not None and told.writer[2] == platform.node()
    return "stalled" if lives or quiet < OVER_SECONDS or total is not None else "finished"


def _interval(moments: Sequence[Moment]) -> float:
    gaps = sorted(after.at - before.at for before, after in pairwise(moments) if before.at > 0)
    return gaps[len(gaps) // 2] if gaps else QUIET_SECONDS


def _controls(facts: Sequence[Facts], state: str) -> tuple[str, ...]:
    """The orders that make sense now: a run that is paused cannot be paused again."""
    offered = next((fact.controls for fact in facts if fact.controls), ())
    if state not in ("running", "paused", "stalled"):
        return ()
    return tuple(act for act in offered if act != ("pause" if state == "paused" else "resume"))


def _losses(series: dict[str, Series], *, is_whole: bool) -> Losses:
    train, validation = main_loss(series, "train_loss"), main_loss(series, "validation_loss")
    best = validation[1] if validation and is_whole and math.isfinite(validation[1].best) else None
    return Losses(
        train=_finite(train[1].last) if train else None,
        validation=_finite(validation[1].last) if validation else None,
        best_validation=best.best if best else None,
        best_validation_step=best.best_step if best else None,
    )


def _logged_speed(series: dict[str, Series]) -> float | None:
    names = [name for name in series if "tok" in name.lower() and kind_of(name) == "speed"]
    return _finite(series[names[0]].last) if names else None


def _last_of(series: dict[str, Series], kind: str) -> float | None:
    names = sorted((name for name in series if kind_of(name) == kind), key=len)
    return _finite(series[names[0]].last) if names else None


def _plain_names(glances: list[LogGlance]) -> list[str]:
    """Names of metrics; one that a more telling log has already, under a plainer name, is left out."""
    owners: dict[str, str] = {}
    names: dict[str, None] = {}
    for glance in glances:
        kind = glance.source.log.kind
        for name in glance.series:
            if owners.setdefault(name.removeprefix("train/").replace("/", "_"), kind) == kind:
                names[name] = None
    return list(names)


def _checkpoints(run: FoundRun, facts: Sequence[Facts], known: Sequence[Checkpoint]) -> tuple[ShownCheckpoint, ...]:
    """Those below the run's folder, those of its name, and those that it says it saved; the newest first."""
    saved = {Path(mark.path).name for fact in facts for mark in fact.marks if mark.path is not None}
    paths = {_place(mark.path) for fact in facts for mark in fact.marks if mark.path is not None}
    own = [
        one
        for one in known
        if one.id == run.id
        or one.id.startswith(f"{run.id}/")
        or (one.path.name in saved and _place(str(one.path)) in paths)
    ]
    newest = sorted(own, key=lambda one: (-(one.step or 0), -one.modified_at))[:MOST_CHECKPOINTS]
    return tuple(ShownCheckpoint(one.id, one.step, one.size_bytes, one.modified_at) for one in newest)


@lru_cache(maxsize=20_000)
def _place(path: str) -> Path:
    """Where a path leads; asked for every checkpoint at every look, and it stays the same."""
    try:
        return Path(path).resolve()
    except (OSError, ValueError, RuntimeError):
        return Path(path)  # A log may name what no file system has, or a loop of links: that leads nowhere.


def _first(values: Iterable[Value | None]) -> Value | None:
    return next((value for value in values if value is not None), None)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
