"""Walk the checkpoints folder and keep the list. One bad file never hides the others; nothing is loaded."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import ModuleType

from engine.catalog import unfinished
from engine.catalog.formats import claiming, peft
from engine.catalog.info import GROUPS, CheckpointInfo, Listing, Skipped
from engine.catalog.opening import described
from engine.catalog.stamps import Stamp, Stamps
from engine.catalog.walk import Folder, walk

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a scan found that the one before did not have so."""

    appeared: tuple[CheckpointInfo, ...] = ()
    changed: tuple[CheckpointInfo, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found at a path, None where it is no checkpoint, and what has to be so that it still holds."""

    stamp: Stamp
    info: CheckpointInfo | None


class Scanner:
    """Scans one root. What has the same inode, size and time of change as before is not read again.

    That goes for files that are no checkpoints too.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, _Known] = {}
        self._claims: dict[str, tuple[object, ModuleType | None]] = {}
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
        folders = list(walk(str(self._root)))
        self._claims = {folder.path: self._claim(folder) for folder in folders}
        claims = {path: form for path, (_, form) in self._claims.items() if form is not None}
        stamps = Stamps(folders, [path for path, form in claims.items() if form is not peft])
        known: dict[str, _Known] = {}
        for path, stamp in _candidates(folders, claims, stamps):
            try:
                before = self._known.get(path)
                is_same = before is not None and before.stamp == stamp and not unfinished.is_due(before.info)
                known[path] = before if is_same else _Known(stamp, self._describe(Path(path), claims.get(path)))
            except Exception as error:
                # Whatever a file does to its reader, the list goes on without it and says so.
                logger.warning("%s could not be described: %s", path, error, exc_info=True)
                skipped.append(Skipped(self._id(Path(path)), str(error)))
                continue
            info = known[path].info
            if info is not None and info.said is not None and info.said.hidden:
                skipped.append(Skipped(info.id, f"hidden by {info.said.files[-1]}"))
            elif info is not None:
                yield info
        self._known = known

    def _claim(self, folder: Folder) -> tuple[object, ModuleType | None]:
        before = self._claims.get(folder.path)
        if before is not None and before[0] == folder.identity:
            return before
        return folder.identity, claiming(Path(folder.path))

    def _describe(self, path: Path, claim: ModuleType | None) -> CheckpointInfo | None:
        form = claim or claiming(path)
        return None if form is None else unfinished.judged(described(form, path, self._id(path), self._root))

    def _id(self, path: Path) -> str:
        """The path below the root; a root that is a checkpoint itself goes by its name."""
        return self._root.resolve().name if path == self._root else path.relative_to(self._root).as_posix()


def _candidates(folders: list[Folder], claims: dict[str, ModuleType], stamps: Stamps) -> Iterator[tuple[str, Stamp]]:
    """Folders that a format claims, and the files of the others, each with its stamp."""
    for folder in folders:
        form = claims.get(folder.path)
        if form is not None:
            yield folder.path, stamps.of_folder(folder, with_bases=form is peft)
            continue
        for entry in folder.files:
            yield f"{folder.path}/{entry.name}", stamps.of_file(folder, entry)


def _place(info: CheckpointInfo) -> tuple[int, str, int, str]:
    run = info.id.rpartition("/")[0]
    return (GROUPS.index(info.group) if info.group in GROUPS else len(GROUPS), run, info.step or 0, info.id)
