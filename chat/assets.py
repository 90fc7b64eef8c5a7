"""The files of the page as one tree: the version that their addresses carry, and what a module imports.

An address holds the version of the whole tree, so that what one file names by a relative path may be kept for ever too.
"""

from __future__ import annotations

import functools
import hashlib
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# A statement that stands at the beginning of a line; its names may go over several.
_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*"(\.{1,2}/[^"]+)";', re.MULTILINE)
_VERSIONED = re.compile(r"v-([0-9a-f]{16})/(.+)")

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Assets:
    """The files below a folder at one moment: when each was changed, in nanoseconds, its bytes, and its imports."""

    folder: Path
    version: str
    stamps: Mapping[str, Stamp]
    imports: Mapping[str, tuple[str, ...]]

    def address(self, name: str) -> str:
        """The name with the version. Raises FileNotFoundError."""
        if name not in self.stamps:
            raise FileNotFoundError(f"there is no {name} in {self.folder}; the page names a file that is not there")
        return f"v-{self.version}/{name}"

    def with_imports(self, *names: str) -> list[str]:
        """These modules and all that they import, nearest first, each once."""
        found = list(dict.fromkeys(names))
        for name in found:
            found.extend(other for other in dict.fromkeys(self.imports.get(name, ())) if other not in found)
        return found

    def has_kept(self, name: str, version: str) -> bool:
        """Whether the file is what it was when the tree got this version."""
        return version == self.version and self.stamps.get(name) == _stamp((self.folder / name).stat())


def assets_in(folder: Path) -> Assets:
    """The files there as they are now; they are read only where one has changed since."""
    return _read(folder, tuple(sorted(_stamps(folder, folder))))


def without_version(name: str) -> tuple[str, str]:
    """A file's name and the version it was asked for with: an empty one where there was none."""
    found = _VERSIONED.fullmatch(name)
    return (found[2], found[1]) if found else (name, "")


def _stamps(folder: Path, below: Path) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(below) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _stamps(folder, Path(entry.path))
            else:
                yield Path(entry.path).relative_to(folder).as_posix(), _stamp(entry.stat())


def _stamp(stat: os.stat_result) -> Stamp:
    return stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=4)
def _read(folder: Path, stamps: tuple[tuple[str, Stamp], ...]) -> Assets:
    imports, whole = {}, hashlib.blake2b(digest_size=8)
    for name, _ in stamps:
        content = (folder / name).read_bytes()
        whole.update(f"{name} {len(content)} ".encode() + content)
        if name.endswith(".js"):
            imports[name] = _imports(name, content.decode())
    return Assets(folder, whole.hexdigest(), dict(stamps), imports)


def _imports(name: str, text: str) -> tuple[str, ...]:
    return tuple(posixpath.normpath(posixpath.join(posixpath.dirname(name), other)) for other in _IMPORT.findall(text))
