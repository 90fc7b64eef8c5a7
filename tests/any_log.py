"""Logs of every kind with anything in them, cut anywhere: what the readers of training runs must bear."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as some

from tests.training.foreign.test_tensorboard import event, scalar
from training import runs
from training.foreign.events_file import EventsReader
from training.foreign.row import Reader, Row
from training.foreign.tables import CsvReader, JsonLinesReader
from training.foreign.tensorboard import TensorBoardReader
from training.foreign.text_log import TextLogReader
from training.foreign.trainer_state import TrainerStateReader

# Those that read a growing file piece by piece, so that it must not matter where a piece ends.
PIECEWISE: tuple[Callable[[], Reader], ...] = (
    EventsReader, CsvReader, JsonLinesReader, TextLogReader, TrainerStateReader, TensorBoardReader,
)  # fmt: skip
FILES = (
    "events.jsonl", "metrics.jsonl", "metrics.csv", "train.log", "trainer_state.json", "wandb-summary.json",
    "events.out.tfevents.1", "config.yaml",
)  # fmt: skip
_NAMES = (
    "event", "step", "at", "loss", "lr", "epoch", "tokens", "val_loss", "total_steps", "total_epochs", "error", "fatal",
    "checkpoint_path", "pid", "process", "host", "config", "acts", "act", "value", "text", "reason", "writer",
)  # fmt: skip
_EVENTS = (
    "batch_end", "metric_update", "epoch_end", "epoch_start", "training_start", "training_end", "checkpoint_saved",
    "checkpoint_loaded", "writer_start", "control_ready", "error_occurred", "sample", "control",
)  # fmt: skip
_NUMBERS = [math.nan, math.inf, -math.inf, 1e308, -1, 0, 10**400, 2**63, 1.7e9, 1e13, True, None, [], {}, [[]]]
_WORDS = ["", "nan", "1e999", "1_000", "\u0663", "a\0b", "\ud800", "../.."]
_LONG = some.builds(lambda count: "/" * count, some.sampled_from([300, 5000]))
_HARD = some.sampled_from(_NUMBERS) | some.sampled_from(_WORDS) | _LONG
_NESTED = some.dictionaries(some.text(max_size=3), _HARD, max_size=3)
_VALUES = _HARD | some.floats() | some.integers() | some.text(max_size=8) | _NESTED
_FIELDS = some.dictionaries(some.sampled_from(_NAMES), _VALUES, max_size=6)
_OBJECTS = some.builds(lambda name, told: {**told, "event": name}, some.sampled_from(_EVENTS) | _HARD, _FIELDS)
_BOARDS = some.builds(
    lambda step, tag, value: event(step, scalar(tag, value)),
    some.integers(0, 2**40), some.sampled_from(["loss", ""]), some.floats(width=32),
)  # fmt: skip
_KNOWN = [
    b"step,loss,lr",
    b"iter 5: loss 2.5, time 3ms",
    b"step: 1e999 | loss: nan",
    b"{'loss': 1.5}",
    b"log_history",
    b"]",
]
_LINES = some.one_of(
    _OBJECTS.map(lambda told: json.dumps(told).encode()),
    _OBJECTS.map(lambda told: json.dumps(list(told.values())).encode()),
    some.lists(_VALUES, max_size=5).map(lambda cells: ",".join(map(str, cells)).encode(errors="replace")),
    some.sampled_from(_KNOWN),
    some.builds(lambda: b"[" * 20_000),
    _BOARDS,
    some.binary(max_size=12),
)
LOGS = some.lists(some.tuples(_LINES, some.sampled_from([b"\n", b"\r\n", b"", b"\n\n"]))).map(
    lambda lines: b"".join(part for line in lines for part in line)
)
CUTS = some.lists(some.floats(0, 1), max_size=6)


def _pieces(log: bytes, cuts: Sequence[float]) -> Iterator[bytes]:
    places = [0, *sorted(int(cut * len(log)) for cut in cuts), len(log)]
    return (log[start:end] for start, end in pairwise(places))


def _heard(make: Callable[[], Reader], pieces: Iterator[bytes]) -> tuple[list[Row], str]:
    reader = make()
    rows = [row for piece in pieces for row in reader.feed(piece)]
    return rows, repr(asdict(reader.facts))


def read_anything(examples: int, number: int = 0) -> None:
    """Let each reader read so many logs; raises where one breaks, or reads another thing when they come in pieces."""

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(LOGS, CUTS)
    def read(log: bytes, cuts: Sequence[float]) -> None:
        for make in PIECEWISE:
            assert repr(_heard(make, _pieces(log, cuts))) == repr(_heard(make, iter([log]))), make.__name__

    read()


def show_anything(examples: int, number: int = 0) -> None:
    """Let a folder of such logs be shown while they grow; raises where that breaks or makes what is no JSON."""

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(some.fixed_dictionaries(dict.fromkeys(FILES, LOGS)), some.floats(0, 1))
    def show(logs: Mapping[str, bytes], cut: float) -> None:
        with tempfile.TemporaryDirectory() as folder:
            house = runs.Runs(Path(folder))
            for share in (cut, 1.0):
                _write(Path(folder) / "run", {name: log[: int(share * len(log))] for name, log in logs.items()})
                _show(house)

    with mock.patch.multiple(runs, SECONDS_BETWEEN_LOOKS=0.0, SECONDS_BETWEEN_SEARCHES=0.0):
        show()


def _write(folder: Path, logs: Mapping[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, log in logs.items():
        (folder / name).write_bytes(log)


def _show(house: runs.Runs) -> None:
    for summary in house.all():
        told = [runs.as_json(summary), house.settings(summary.id), asdict(house.log(summary.id, 0))]
        for axis in ("step", "time", "tokens"):
            drawn, marks, _ = house.series(summary.id, None, axis, 50)
            told += [[asdict(one) for one in drawn], [asdict(one) for one in marks]]
        json.dumps(told, allow_nan=False)
