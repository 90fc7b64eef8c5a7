"""A name that nothing has yet, so that a new run never goes on in the files of an older one."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count
from pathlib import Path


def free_name(wanted: str, *roots: Path, taken: Collection[str] = ()) -> str:
    """The name, or the first of name-2, name-3, … that no folder below these roots has, nor anything `taken`."""
    names = (wanted if number == 1 else f"{wanted}-{number}" for number in count(1))
    return next(name for name in names if name not in taken and not any((root / name).exists() for root in roots))
