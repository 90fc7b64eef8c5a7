"""Walk the checkpoints folder and keep the list. One bad file never hides the others; nothing is loaded."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

from engine.catalog.formats import claiming, peft
from engine.catalog.info import GROUPS, CheckpointInfo, Listing, Skipped

logger = logging.getLogger(__name__)

DEEPEST = 12
# Tokenizers, configs and templates beside a checkpoint and up to three folders above it, its own folder included.
COMPANIONS, FOLDERS_UP = (".json", ".jinja", ".pkl", "tokenizer.bin"), 4
Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a scan found that the one before did not have so."""

    appeared: tuple[CheckpointInfo, ...] = ()
    changed: tuple[CheckpointInfo, ...] = ()
    gone: tuple[str, ...] = ()


class Scanner:
    """Scans one root. What has the same inode, size and time of change as before is not read again.

    That goes for files that are no checkpoints too.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, tuple[Stamp, CheckpointInfo | None]] = {}
        self._listing = Listing()
        self._lock = Lock()

    @property
    def listing(self) -> Listing:
        """The last scan's result; empty before the first."""
        return self._listing

    def scan(self) -> Difference:
        """Look again and say what is different."""
        with self._lock:
            started = time.monotonic()
            before = {info.id: info for info in self._listing.checkpoints}
            skipped: list[Skipped] = []
            found = {info.id: info for info in self._describe_all(skipped)}
            self._listing = Listing(
                checkpoints=tuple(sorted(found.values(), key=_place)),
                skipped=tuple(skipped),
                at=time.time(),
                seconds=time.monotonic() - started,
            )
        return Difference(
            appeared=tuple(info for info in found.values() if info.id not in before),
            changed=tuple(info for info in found.values() if before.get(info.id, info) != info),
            gone=tuple(before.keys() - found.keys()),
        )

    def _describe_all(self, skipped: list[Skipped]) -> Iterator[CheckpointInfo]:
        known: dict[Path, tuple[Stamp, CheckpointInfo | None]] = {}
        paths = list(_candidates(self._root))
        stamps = _Stamps(self._root, paths)
        for path in paths:
            try:
                stamp = stamps.of(path)
                before = self._known.get(path)
                known[path] = before if before is not None and before[0] == stamp else (stamp, self._describe(path))
            except Exception as error:
                # Whatever a file does to its reader, the list goes on without it and says so.
                logger.warning("%s could not be described: %s", path, error, exc_info=True)
                skipped.append(Skipped(self._id(path), str(error)))
                continue
            info = known[path][1]
            if info is not None:
                yield info
        self._known = known

    def _describe(self, path: Path) -> CheckpointInfo | None:
        form = claiming(path)
        return None if form is None else form.describe(path, self._id(path))

    def _id(self, path: Path) -> str:
        """The path below the root; a root that is a checkpoint itself goes by its name."""
        return self._root.resolve().name if path == self._root else path.relative_to(self._root).as_posix()


class _Stamps:
    """What tells in one scan that a path is what it was: its own files, and those beside and above it that may say
    something of it, a tokenizer or a config. Each folder is looked at once. To an adapter every directory that may be
    its base belongs too.
    """

    def __init__(self, root: Path, paths: Sequence[Path]) -> None:
        self._root = root
        self._paths = paths
        self._companions: dict[Path, Stamp] = {}

    def of(self, path: Path) -> Stamp:
        """The stamp of a file, or of a directory that is a checkpoint."""
        return self._without_bases(path) + (self._bases if peft.matches(path) else ())

    @cached_property
    def _bases(self) -> Stamp:
        folders = [path for path in self._paths if path.is_dir() and not peft.matches(path)]
        return tuple(each for path in folders for each in ((str(path), 0, 0, 0), *self._without_bases(path)))

    def _without_bases(self, path: Path) -> Stamp:
        own = [path] if path.is_file() else [Path(entry.path) for entry in os.scandir(path) if entry.is_file()]
        inside = [folder for folder in path.parents if folder == self._root or self._root in folder.parents]
        return _stamp(own) + tuple(each for folder in inside[:FOLDERS_UP] for each in self._beside(folder))

    def _beside(self, folder: Path) -> Stamp:
        if folder not in self._companions:
            files = [Path(entry.path) for entry in os.scandir(folder) if entry.name.endswith(COMPANIONS)]
            self._companions[folder] = _stamp(file for file in files if file.is_file())
        return self._companions[folder]


def _candidates(root: Path) -> Iterator[Path]:
    """Directories that a format claims, and the files of the others. A link that leads back is not followed."""
    seen: set[tuple[int, int]] = set()
    pending = [(root, 0)]
    while pending:
        folder, depth = pending.pop()
        try:
            identity = (folder.stat().st_dev, folder.stat().st_ino)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            logger.warning("%s cannot be listed: %s", folder, error)
            continue
        if identity in seen or depth > DEEPEST:
            continue
        seen.add(identity)
        is_claimed = claiming(folder) is not None
        if is_claimed:
            yield folder
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                pending.append((Path(entry.path), depth + 1))
            elif entry.is_file() and not is_claimed:
                yield Path(entry.path)


def _stamp(files: Iterable[Path]) -> Stamp:
    stats = [(file.name, file.stat()) for file in sorted(files)]
    return tuple((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _place(info: CheckpointInfo) -> tuple[int, str, int, str]:
    run = info.id.rpartition("/")[0]
    return (GROUPS.index(info.group) if info.group in GROUPS else len(GROUPS), run, info.step or 0, info.id)
