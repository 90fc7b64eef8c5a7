"""A torch file's contents, read once while the file stays the same: its weights and what lies beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.catalog import state_dict, torch_pickle
from engine.catalog.state_dict import Weights
from engine.catalog.torch_zip import Archive, open_archive

FILES_REMEMBERED = 4


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
    stat = path.stat()
    return _read(path, (stat.st_ino, stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=FILES_REMEMBERED)
def _read(path: Path, stamp: tuple[int, int, int]) -> Contents:
    archive = open_archive(path)
    return Contents(archive, state_dict.find(torch_pickle.read(archive)))
