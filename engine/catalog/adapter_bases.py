"""Finding the base of an adapter among the folders near it. What the adapter calls its base is compared with names
that are there and never made a path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from engine.errors import CheckpointProblem

FOLDERS_UP = 3
MOST_ENTRIES, MOST_FOLDERS, MOST_CANDIDATES = 1000, 5000, 20
# How Hugging Face's cache calls a repository, and what unsloth puts behind the names of those that it has quantised.
CACHED = re.compile(r"models--([^/\\]+?)--([^/\\]+)")
QUANTISED = re.compile(r"(-unsloth)?-bnb-4bit$")


def candidates(adapter: Path, name: str) -> list[Path]:
    """Folders called as the base is: those that share most of its path first, then the nearest.

    Looked at are the adapter's folder and three above it, each with what lies in it and one level below.
    """
    wanted = _parts(name)
    spellings = (wanted, _plain(wanted))
    found: dict[Path, tuple[int, Path]] = {}
    own = adapter.resolve()
    for folder in _near(adapter.absolute()):
        agreeing = max(_agreeing(_called(folder), each) for each in spellings)
        if not agreeing:
            continue
        for each in _snapshots(folder):
            real = each.resolve()
            if real != own:
                found.setdefault(real, (agreeing, each))
    best = sorted(found.values(), key=lambda entry: -entry[0])
    return [folder for _, folder in best[:MOST_CANDIDATES]]


def missing(adapter: Path, name: str, passed_over: list[Path]) -> CheckpointProblem:
    """The problem of an adapter whose base was not found, or found as something that is none."""
    if not _parts(name):
        return CheckpointProblem(
            "the adapter does not say which model it belongs to: base_model_name_or_path is empty",
            code="base_model_missing",
            hint="Write the name of the base's folder there, and put that folder beside the adapter.",
        )
    short = _plain(_parts(name))[-1][:100]
    for folder in passed_over:
        if reason := _why_not(folder):
            return CheckpointProblem(
                f"the base of the adapter, {folder.name}, {reason}",
                code="base_model_missing",
                hint=f"Put the model that it was made from beside the adapter, as a Hugging Face directory {short!r}.",
            )
    is_gguf = " (a GGUF file cannot be a base)" if short.lower().endswith(".gguf") else ""
    return CheckpointProblem(
        f"the adapter's base model {name[:200]!r} is not here{is_gguf}: a folder called {short!r} was looked for in "
        f"{adapter.name}, beside it and in the {FOLDERS_UP} folders above",
        code="base_model_missing",
        hint=f"Put the base model as a Hugging Face directory called {short!r} beside the adapter's folder.",
    )


def title(folder: Path) -> str:
    """What a base is called: a snapshot in Hugging Face's cache by its repository."""
    cached = CACHED.fullmatch(folder.parent.parent.name)
    return "/".join(cached.groups()) if cached else folder.name


def _parts(name: str) -> tuple[str, ...]:
    """The name's parts behind the last that leads upwards; a path into Hugging Face's cache is its repository's."""
    cached = CACHED.search(name)
    if cached:
        return cached.groups()
    parts = [part for part in re.split(r"[/\\]+", name) if part not in ("", ".")]
    last_up = max((place for place, part in enumerate(parts) if part == ".."), default=-1)
    return tuple(parts[last_up + 1 :])


def _plain(parts: tuple[str, ...]) -> tuple[str, ...]:
    return (*parts[:-1], QUANTISED.sub("", parts[-1])) if parts else parts


def _called(folder: Path) -> tuple[str, ...]:
    cached = CACHED.fullmatch(folder.name)
    return cached.groups() if cached else folder.parts


def _agreeing(called: tuple[str, ...], wanted: tuple[str, ...]) -> int:
    """How many parts agree, counted from the end."""
    count = 0
    while count < min(len(called), len(wanted)) and called[-1 - count] == wanted[-1 - count]:
        count += 1
    return count


def _near(adapter: Path) -> Iterator[Path]:
    listed = 0
    above = [folder for folder in (adapter, *adapter.parents) if folder != folder.parent]
    for folder in above[: FOLDERS_UP + 1]:
        yield folder
        for child in _folders_in(folder):
            yield child
            listed += 1
            if listed < MOST_FOLDERS:
                yield from _folders_in(child)


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            shown = [entry for _, entry in zip(range(MOST_ENTRIES), entries, strict=False) if entry.name[0] != "."]
        return sorted(Path(entry.path) for entry in shown if entry.is_dir())
    except OSError:
        return []  # Somebody else's folder is no place for a base.


def _snapshots(folder: Path) -> list[Path]:
    """The folder itself; of one of the cache's, its snapshots, the one that `main` stands for first."""
    if not CACHED.fullmatch(folder.name):
        return [folder]
    main = folder / "refs" / "main"
    first = main.read_bytes()[:100].decode(errors="replace").strip() if main.is_file() else ""
    return sorted(_folders_in(folder / "snapshots"), key=lambda each: each.name != first)


def _why_not(folder: Path) -> str | None:
    if (folder / "adapter_config.json").is_file():
        return "is an adapter itself: merge it into its own base and save that first"
    if any(folder.glob("*.gguf")):
        return "lies here as GGUF, whose weights are rounded and renamed, so that nothing can be merged into them"
    return None
