"""Writes the events of one run into its folder, a line each. A disk that fails costs lines, never the training."""

from __future__ import annotations

import json
import logging
import math
import os
import platform
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from training.control import ACTS, Control, Order
from training.events import EVERY_EVENT, Event, TrainingEmitter, training_emitter
from training.processes import mark_of

EVENTS_FILE = "events.jsonl"
LARGEST_FILE = 64 * 2**20
MOST_FILES = 16
LONGEST_TEXT = 4000
_log = logging.getLogger(__name__)


class RunWriter:
    """Appends what an emitter tells to `<run_dir>/events.jsonl`, until `close` or the end of a `with`.

    A file that is full becomes `events.1.jsonl`, the next one `events.2.jsonl`; the oldest of many is deleted.
    """

    def __init__(
        self, run_dir: str | os.PathLike[str], emitter: TrainingEmitter = training_emitter, *,
        config: Mapping[str, Any] | None = None, largest_file: int = LARGEST_FILE, most_files: int = MOST_FILES,
    ) -> None:  # fmt: skip
        # A training script may go to another folder later on.
        self.run_dir = Path(run_dir).absolute()
        self._path = self.run_dir / EVENTS_FILE
        self._emitter, self._largest_file, self._most_files = emitter, largest_file, most_files
        self._writer = uuid4().hex[:8]
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = self._step = 0
        # A line that a dead writer left in the middle must not swallow the next one.
        self._line_is_cut = True
        self._has_failed = False
        self._hear(Event("writer_start", time.time(), {**_who(), "config": dict(config or {})}))
        emitter.on(EVERY_EVENT, self._hear)

    def control(self, *acts: str) -> Control:
        """Take orders: those named, which the training loop obeys, or all. The page shows buttons for them."""
        self._hear(Event("control_ready", time.time(), {"acts": list(acts or ACTS)}))
        return Control(self.run_dir, self._acknowledge)

    def close(self) -> None:
        """Write no more."""
        self._emitter.off(EVERY_EVENT, self._hear)
        with self._lock:
            self._let_go()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            told = {"error": f"{type(error).__name__}: {error}", "fatal": True}
            self._hear(Event("error_occurred", time.time(), told))
        self.close()

    def _acknowledge(self, order: Order) -> None:
        self._emitter.emit("control", act=order.act, value=order.value, number=order.number)

    def _hear(self, event: Event) -> None:
        with self._lock:
            told = {"event": event.name, "at": round(event.at, 4), "writer": self._writer}
            if event.name == "batch_end":
                step = event.get("step")
                self._step = step if isinstance(step, int) else self._step + 1
                told["step"] = self._step
            if isinstance(event.get("checkpoint_path"), (str, os.PathLike)):
                told["checkpoint_path"] = os.path.abspath(event["checkpoint_path"])
            line = as_line({**event, **told})
            try:
                self._append(line)
            except OSError as error:
                self._let_go()
                if not self._has_failed:
                    _log.warning("%s cannot be written: %s; training goes on without it", self._path, error)
                self._has_failed = True

    def _append(self, line: bytes) -> None:
        if self._file is not None and self._size + len(line) > self._largest_file:
            self._rotate()
        if self._file is not None and os.fstat(self._file).st_nlink == 0:
            # The folder was deleted, and what is written to its file now nobody would ever read.
            self._let_go()
        if self._file is None:
            self.run_dir.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            self._size = os.fstat(self._file).st_size
        data = b"\n" + line if self._line_is_cut and self._size else line
        written = os.write(self._file, data)
        self._size += written
        self._line_is_cut = written < len(data)
        self._has_failed = False

    def _rotate(self) -> None:
        self._let_go()
        numbers = sorted(rotated_files(self.run_dir))
        self._path.replace(self.run_dir / f"events.{1 + max(numbers, default=0)}.jsonl")
        for number in numbers[: max(0, len(numbers) + 2 - self._most_files)]:
            (self.run_dir / f"events.{number}.jsonl").unlink(missing_ok=True)

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._size, self._line_is_cut = None, 0, True


def rotated_files(run_dir: Path) -> list[int]:
    """The numbers of the full files in a run's folder."""
    middles = (path.name.split(".")[1] for path in run_dir.glob("events.*.jsonl"))
    return [int(middle) for middle in middles if middle.isascii() and middle.isdigit()]


def as_line(told: Mapping[str, Any]) -> bytes:
    """One line of valid JSON: NaN and infinities as texts, tensors and numpy numbers as numbers, the rest as text."""
    try:
        text = json.dumps(told, allow_nan=False, ensure_ascii=False, default=_plain)
    except (ValueError, TypeError, RecursionError):
        text = json.dumps(plain(told, 0), ensure_ascii=False)
    return text.encode("utf-8", errors="replace") + b"\n"


def _who() -> dict[str, Any]:
    return {"pid": os.getpid(), "process": mark_of(os.getpid()), "host": platform.node()}


def _plain(value: object) -> Any:
    """Called for what JSON has no form for."""
    try:
        item = value.item()  # type: ignore[attr-defined]
    except Exception:
        # Nothing is known of the value, and its own code may do anything; its name is good enough.
        return _text(value)
    return item if isinstance(item, (bool, int, str)) else plain(item, 0)


def plain(value: object, depth: int = 0) -> Any:
    """The value in JSON's own types, with NaN and infinities as texts; what lies too deep or is unknown, as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, Mapping) and depth < 8:
        return {str(key): plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)) and depth < 8:
        return [plain(one, depth + 1) for one in value]
    return _plain(value) if hasattr(value, "item") else _text(value)


def _text(value: object) -> str:
    try:
        return str(value)[:LONGEST_TEXT]
    except Exception as error:
        return f"<{type(value).__name__}: {type(error).__name__}>"
