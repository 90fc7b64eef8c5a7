"""A torch file's contents, read once while the file stays the same: its weights and what lies beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.catalog import state_dict, torch_pickle
from engine.catalog.state_dict import Weights
from engine.catalog.torch_zip import Archive, open_archive
from engine.errors import CheckpointProblem

# A file's contents are asked for several times in a row, so one is enough; whether others hold weights is a bit each.
CONTENTS_REMEMBERED, ANSWERS_REMEMBERED = 1, 4096
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Contents:
    """An archive and the weights in it; None where it holds none."""

    archive: Archive
    weights: Weights | None

    def plain(self, value: Any) -> Any:
        """A value of the pickle, a tensor of one number being that number."""
        return torch_pickle.scalar(self.archive, value) if isinstance(value, torch_pickle.StoredTensor) else value


def read(path: Path) -> Contents:
    """The contents. Raises CheckpointProblem for a file that is cut short, not sound or of another kind."""
    return _read(path, _stamp(path))


def may_be_model(path: Path) -> bool:
    """Whether there are weights in the file, or something that keeps it from being read."""
    return _may_be_model(path, _stamp(path))


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=ANSWERS_REMEMBERED)
def _may_be_model(path: Path, stamp: Stamp) -> bool:
    try:
        return _read(path, stamp).weights is not None
    except CheckpointProblem:
        return True  # To be listed with what is wrong.


@lru_cache(maxsize=CONTENTS_REMEMBERED)
def _read(path: Path, stamp: Stamp) -> Contents:
    archive = open_archive(path)
    return Contents(archive, state_dict.find(torch_pickle.read(archive)))
