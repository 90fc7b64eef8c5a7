"""Reads our own events.jsonl: what the run writer wrote, and whatever else became of the file since."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from training.foreign.row import LineReader, Mark, Row, finite, moment, row_of, whole

_NO_NUMBERS = frozenset(
    ("event", "writer", "batch_idx", "number", "pid", "total_epochs", "total_steps", "total_batches")
)
_WITH_NUMBERS = ("batch_end", "metric_update", "epoch_end")
LONGEST_CONFIG = 500


class EventsReader(LineReader):
    """Knows from the events what the run is doing. A line that is no event is passed over and counted."""

    def __init__(self) -> None:
        super().__init__()
        self._writers: list[str] = []

    def row(self, line: bytes) -> Row | None:
        """The numbers of an event; what else it says goes into the facts."""
        try:
            told = json.loads(line)
            name = told["event"]
            if not isinstance(name, str):
                raise TypeError("the name of an event is a text")
        except (ValueError, TypeError, KeyError, RecursionError):
            self.facts.skipped += 1
            return None
        self._watch_writers(told.get("writer"))
        if name in _WITH_NUMBERS:
            self.facts.is_paused = False if name == "batch_end" else self.facts.is_paused
            return row_of(told, self.facts, _NO_NUMBERS)
        learn = getattr(self, f"_{name}", None) if name in _TOLD else None
        if learn is not None:
            learn(told)
        return None

    def _watch_writers(self, writer: object) -> None:
        """A run that goes on has a new writer; one that was thought to be over and writes again makes two."""
        if not isinstance(writer, str) or (self._writers and self._writers[-1] == writer):
            return
        if writer in self._writers:
            self.facts.has_two_writers = True
        else:
            self._writers = [*self._writers[-20:], writer]

    def _mark(self, kind: str, text: str, told: dict[str, Any], path: object = None) -> None:
        step = whole(told.get("step"))
        step = self.facts.step if step is None else step
        self.facts.marks.append(
            Mark(kind, text[:500], step, moment(told.get("at")), path if isinstance(path, str) else None)
        )

    def _writer_start(self, told: dict[str, Any]) -> None:
        facts, pid = self.facts, whole(told.get("pid"))
        mark, host = told.get("process"), told.get("host")
        facts.writer = (pid, mark if isinstance(mark, str) else None, str(host)) if pid is not None else None
        facts.ended_at = facts.failure = None
        facts.is_paused, facts.controls = False, ()
        if facts.started_at is None:
            facts.started_at = moment(told.get("at"))
        if isinstance(told.get("config"), dict) and told["config"]:
            facts.config = dict(list(told["config"].items())[:LONGEST_CONFIG])

    def _control_ready(self, told: dict[str, Any]) -> None:
        acts = told.get("acts")
        self.facts.controls = tuple(act for act in acts if isinstance(act, str)) if isinstance(acts, list) else ()

    def _training_start(self, told: dict[str, Any]) -> None:
        facts = self.facts
        facts.total_steps = whole(told.get("total_steps")) or facts.total_steps
        facts.total_epochs = finite(told.get("total_epochs")) or facts.total_epochs
        facts.ended_at = facts.failure = None
        if isinstance(told.get("config"), dict):
            facts.config = dict(list(told["config"].items())[:LONGEST_CONFIG])
        self._mark("start", "training began", told)

    def _training_end(self, told: dict[str, Any]) -> None:
        self.facts.ended_at = moment(told.get("at"))
        self.facts.is_paused = False
        self._mark("end", str(told.get("reason") or "training ended"), told)

    def _epoch_start(self, told: dict[str, Any]) -> None:
        self.facts.epoch = finite(told.get("epoch"))

    def _checkpoint_saved(self, told: dict[str, Any]) -> None:
        path = told.get("checkpoint_path")
        self._mark("checkpoint", PurePath(str(path)).name, told, path)

    def _checkpoint_loaded(self, told: dict[str, Any]) -> None:
        self._mark("control", f"went on from {told.get('checkpoint_path')}", told)

    def _error_occurred(self, told: dict[str, Any]) -> None:
        self._mark("error", str(told.get("error")), told)
        if told.get("fatal") is True:
            self.facts.failure = str(told.get("error"))[:500]

    def _sample(self, told: dict[str, Any]) -> None:
        self._mark("sample", str(told.get("text")), told)

    def _control(self, told: dict[str, Any]) -> None:
        act, value = str(told.get("act")), told.get("value")
        if act in ("pause", "resume"):
            self.facts.is_paused = act == "pause"
        self._mark("control", act if value is None else f"{act} {value}", told)


_TOLD = frozenset(
    ("writer_start", "control_ready", "training_start", "training_end", "epoch_start", "checkpoint_saved",
     "checkpoint_loaded", "error_occurred", "sample", "control")
)  # fmt: skip
