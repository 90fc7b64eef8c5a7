"""What lies below the checkpoints folder: each folder once, with what tells whether a file is what it was."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass

from engine.catalog import distributed_metadata

logger = logging.getLogger(__name__)

DEEPEST = 12
# What says how the pieces beside it go together, in checkpoints of torch.distributed.
HIDDEN_AND_READ = frozenset({distributed_metadata.FILE})


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder as the disk has it now; `changed` counts nanoseconds, `size` bytes (0 for a folder)."""

    name: str
    inode: int
    changed: int
    size: int


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder with its files and the folders in it, each in the order of their names."""

    path: str
    files: tuple[Entry, ...]
    folders: tuple[Entry, ...]

    @property
    def identity(self) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
        """What is the same as long as nothing in this folder was added, changed or taken away."""
        return self.files, self.folders


def walk(root: str) -> Iterator[Folder]:
    """Every folder from the root down, a folder before those in it. A link that leads back is not followed twice.

    Names that begin with a dot are passed over, but for those that are read; what cannot be read is logged and left
    out.
    """
    seen: set[tuple[int, int]] = set()
    pending = [(root, 0)]
    while pending:
        path, depth = pending.pop()
        try:
            stat = os.stat(path)
            if (stat.st_dev, stat.st_ino) in seen:
                continue
            seen.add((stat.st_dev, stat.st_ino))
            folder = _read(path)
        except OSError as error:
            logger.warning("%s cannot be listed: %s", path, error)
            continue
        yield folder
        if depth < DEEPEST:
            pending += [(os.path.join(path, entry.name), depth + 1) for entry in reversed(folder.folders)]


def _read(path: str) -> Folder:
    files: list[Entry] = []
    folders: list[Entry] = []
    with os.scandir(path) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith(".") and entry.name not in HIDDEN_AND_READ:
            continue
        try:
            stat = entry.stat()
            is_folder = entry.is_dir()
        except OSError:
            continue  # A link to nowhere, or a file that went away since: there is nothing to list.
        if is_folder:
            folders.append(Entry(entry.name, stat.st_ino, stat.st_mtime_ns, 0))
        elif entry.is_file():
            files.append(Entry(entry.name, stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return Folder(path, tuple(files), tuple(folders))
