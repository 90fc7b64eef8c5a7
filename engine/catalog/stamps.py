"""What tells that a path is what it was at the scan before: its own files, and those that may say something of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from engine.catalog.walk import Entry, Folder

# Tokenizers, configs and templates beside a checkpoint and up to three folders above it, its own folder included.
COMPANIONS, FOLDERS_UP = (".json", ".jinja", ".toml", ".pkl", ".yaml", ".md", "tokenizer.bin", ".model"), 4
# The other files of a model in parts.
PART = re.compile(r"-\d{5}-of-\d{5}\.")
Stamp = tuple[object, ...]


class Stamps:
    """The stamps of one scan. To an adapter every folder that may be its base belongs too."""

    def __init__(self, folders: Sequence[Folder], bases: Sequence[str]) -> None:
        self._folders: Mapping[str, Folder] = {folder.path: folder for folder in folders}
        self._companions = {folder.path: _companions(folder) for folder in folders}
        self._above: dict[str, Stamp] = {}
        self._of_bases: Stamp = tuple((path, self._folders[path].files) for path in bases)

    def of_file(self, folder: Folder, entry: Entry) -> Stamp:
        """The stamp of a file of this folder."""
        return entry, self._beside(folder.path)

    def of_folder(self, folder: Folder, *, with_bases: bool) -> Stamp:
        """The stamp of a folder that is a checkpoint; what lies in the folders inside it may belong to it too."""
        inside = [self._folders.get(f"{folder.path}/{each.name}") for each in folder.folders]
        own = (folder.files, *(each.files for each in inside if each is not None))
        return own, self._beside(os.path.dirname(folder.path)), self._of_bases if with_bases else ()

    def _beside(self, path: str) -> Stamp:
        """What lies in this folder and the next ones above it, as far as they were walked."""
        if path not in self._above:
            found: list[object] = []
            above = path
            for _ in range(FOLDERS_UP):
                if above not in self._companions:
                    break
                found.append(self._companions[above])
                above = os.path.dirname(above)
            self._above[path] = tuple(found)
        return self._above[path]


def _companions(folder: Folder) -> tuple[Entry, ...]:
    return tuple(entry for entry in folder.files if entry.name.endswith(COMPANIONS) or PART.search(entry.name))
