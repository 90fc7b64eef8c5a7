"""One log on the disk, followed as it grows, is cut off, replaced, put aside or deleted; its reader reads it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.foreign.events_file import EventsReader
from training.foreign.row import Facts, Reader, Row
from training.foreign.tables import CsvReader, JsonLinesReader
from training.foreign.tensorboard import TensorBoardReader
from training.foreign.text_log import TextLogReader
from training.foreign.trainer_state import TrainerStateReader
from training.foreign.wandb import WandbSummaryReader
from training.run_writer import rotated_files

CHUNK = 2**20
HEAD, TAIL = 4 * 1024, 32 * 1024
READERS: dict[str, Callable[[], Reader]] = {
    "events": EventsReader,
    "trainer_state": TrainerStateReader,
    "tensorboard": TensorBoardReader,
    "csv": CsvReader,
    "jsonl": JsonLinesReader,
    "text": TextLogReader,
    "wandb": WandbSummaryReader,
}
REWRITTEN = ("trainer_state", "wandb")


@dataclass(frozen=True, slots=True)
class Log:
    """A log that was found: its kind, its file, and what to put before its metrics' names."""

    kind: str
    path: Path
    prefix: str = ""

    def reader(self) -> Reader:
        """A new reader of this kind."""
        return TensorBoardReader(self.prefix) if self.kind == "tensorboard" else READERS[self.kind]()


class Source:
    """Reads a log from where it was left. With `at_a_glance` the middle of a large file is passed over.

    `generation` grows when everything read before is void, because the file is another one now.
    """

    def __init__(self, log: Log, *, at_a_glance: bool = False) -> None:
        self.log = log
        self.generation = 0
        self.is_whole = True
        self.problem: str | None = None
        self.is_there = True
        self.modified_at = 0.0
        self.size = 0
        self._at_a_glance = at_a_glance
        self._reader = log.reader()
        self._read: dict[tuple[int, int], int] = {}
        self._stamp: tuple[int, int] | None = None

    @property
    def facts(self) -> Facts:
        """What the log has said so far."""
        return self._reader.facts

    def rows(self, until: float = float("inf")) -> Iterator[Row]:
        """What is new since the last time; ends early when `time.monotonic` passes `until`, and goes on next time."""
        try:
            stats = {path: path.stat() for path in self._files()}
            self._look(list(stats.values()))
            self.problem = None
            for path, stat in stats.items():
                yield from self._file(path, stat, until)
            self.is_there = True
        except FileNotFoundError:
            self.is_there, self.problem = False, f"{self.log.path.name} is gone"
        except OSError as error:
            self.problem = f"{self.log.path.name} cannot be read: {error.strerror}"

    @property
    def is_behind(self) -> bool:
        """Whether there was more to read when the time was over."""
        return sum(self._read.values()) < self.size

    def _files(self) -> list[Path]:
        """The file, after those that were put aside when they were full."""
        if self.log.kind != "events":
            return [self.log.path]
        numbers = sorted(rotated_files(self.log.path.parent))
        full = [self.log.path.with_name(f"events.{number}.jsonl") for number in numbers]
        return [path for path in (*full, self.log.path) if path.exists()] or [self.log.path]

    def _look(self, stats: list[os.stat_result]) -> None:
        last = stats[-1]
        is_cut = any(stat.st_size < self._read.get(_identity(stat), 0) for stat in stats)
        is_other = bool(self._read) and not any(_identity(stat) in self._read for stat in stats)
        stamp = (last.st_mtime_ns, last.st_size)
        is_rewritten = self.log.kind in REWRITTEN and self._stamp not in (None, stamp)
        if is_cut or is_other or is_rewritten:
            self._reader, self._read = self.log.reader(), {}
            self.generation += 1
        self._stamp, self.modified_at = stamp, last.st_mtime
        present = {_identity(stat) for stat in stats}
        self._read = {identity: offset for identity, offset in self._read.items() if identity in present}
        self.size = sum(stat.st_size for stat in stats)

    def _file(self, path: Path, stat: os.stat_result, until: float) -> Iterator[Row]:
        identity = _identity(stat)
        offset = self._read.get(identity, 0)
        if offset >= stat.st_size:
            return
        with path.open("rb", buffering=0) as file:
            if _identity(os.fstat(file.fileno())) != identity:
                return
            while offset < stat.st_size and time.monotonic() < until:
                start = self._start(offset, stat.st_size)
                if start != offset:
                    self._reader.jump()
                    self.is_whole = False
                file.seek(start)
                head_only = self._at_a_glance and start < HEAD < stat.st_size - TAIL
                data = file.read(min(HEAD if head_only else CHUNK, stat.st_size - start))
                if not data:
                    break
                offset = start + len(data)
                self._read[identity] = offset
                yield from self._reader.feed(data)

    def _start(self, offset: int, size: int) -> int:
        """Where to read on: at a glance, a large file's beginning and then its end."""
        far = size - TAIL
        return far if self._at_a_glance and HEAD <= offset < far - HEAD else offset


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
