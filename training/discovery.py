"""Finds the logs below a folder and says which of them belong to one run. Nothing is opened here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from training.source import Log

DEEPEST = 7
MOST_FOLDERS = 5000
MOST_LOGS_OF_A_RUN = 64
ORDER = ("events", "trainer_state", "tensorboard", "csv", "jsonl", "text", "wandb")
# Folders that trainers make inside a run's own.
INNER = frozenset(
    ("logs", "log", "runs", "tb", "tensorboard", "tensorboard_logs", "tb_logs", "csv", "csv_logs", "wandb", "files",
     "lightning_logs", "latest-run", "metrics")
)  # fmt: skip
SPLITS = frozenset(("train", "training", "val", "valid", "validation", "eval", "test"))
_INNER = re.compile(
    r"version_\d{1,6}|checkpoint-\d{1,12}|(?:offline-)?run-\d{8}_.*|[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_.*"
)
_SKIPPED = re.compile(r"\..*|__pycache__|node_modules|global_step\d+|site-packages")
_EVENTS = re.compile(r"events\.jsonl")
_CSV = re.compile(r"(?:.*[_-])?(?:metrics|loss|losses|log|history|progress)\.csv")
_JSONL = re.compile(r"(?:.*[_-])?(?:metrics|log|logs|history|loss|train|progress)\.jsonl")
_TEXT = re.compile(r".*\.log|(?:.*[_-])?(?:log|train|training|output|stdout)\.txt")


@dataclass(slots=True)
class FoundRun:
    """One run's logs, the most telling kind first. `folder` is where they, or most of them, lie."""

    id: str
    folder: Path
    logs: list[Log] = field(default_factory=list)
    settings: list[Path] = field(default_factory=list)


def find_runs(roots: tuple[Path, ...]) -> dict[str, FoundRun]:
    """The runs below these folders by their ids; folders of one name below two roots are one run."""
    found: dict[str, FoundRun] = {}
    for root in dict.fromkeys(roots):
        folders = dict(_walk(root))
        with_events = {folder for folder, names in folders.items() if any(".tfevents." in one for one in names)} - {
            root
        }
        for folder, names in folders.items():
            logs = [Log(kind, folder / name) for name in sorted(names) if (kind := kind_of_file(name)) is not None]
            if logs:
                home = run_folder(folder, root, with_events)
                run_id = run_id_of(home, root)
                run = found.setdefault(run_id, FoundRun(run_id, home))
                prefix = _prefix(folder, home, with_events)
                run.logs += [Log(log.kind, log.path, prefix if log.kind == "tensorboard" else "") for log in logs]
                run.settings += [folder / name for name in ("config.yaml", "hparams.yaml") if name in names]
    for run in found.values():
        run.logs = _chosen(run.logs)
    return found


def kind_of_file(name: str) -> str | None:
    """Which reader a file needs, by its name; None where it is no log."""
    if _EVENTS.fullmatch(name):
        return "events"
    if name in ("trainer_state.json", "wandb-summary.json"):
        return "trainer_state" if name == "trainer_state.json" else "wandb"
    if ".tfevents." in name:
        return "tensorboard"
    patterns = (("csv", _CSV), ("jsonl", _JSONL), ("text", _TEXT))
    return next((kind for kind, pattern in patterns if pattern.fullmatch(name)), None)


def run_folder(folder: Path, root: Path, with_events: set[Path]) -> Path:
    """The folder of the run that a log in this one belongs to; never above the root."""
    home = folder
    while home != root:
        is_inner = home.name in INNER or home.name in SPLITS or _INNER.fullmatch(home.name)
        above = home.parent
        if above == root:
            return home
        if is_inner or above in with_events or above.parent in with_events:
            home = above
        elif above.name in INNER and above.parent != root:
            home = above.parent
        else:
            break
    return home


def run_id_of(home: Path, root: Path) -> str:
    """The folder below the root, without a `runs` or `logs` that gathers the runs of one root."""
    parts = home.relative_to(root).parts
    if len(parts) > 1 and parts[0] in INNER:
        parts = parts[1:]
    return "/".join(parts) or root.resolve().name


def _prefix(folder: Path, home: Path, with_events: set[Path]) -> str:
    """What tells the curves of a run's inner folder from those of its others: its place, where that says anything."""
    is_part = folder != home and (folder.parent in with_events or folder.parent.parent in with_events)
    return f"{folder.relative_to(home).as_posix()}/" if is_part else f"{folder.name}/" * (folder.name in SPLITS)


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder with the names of its files, links followed, none twice."""
    waiting, seen = [(root, 0)], set()
    while waiting and len(seen) < MOST_FOLDERS:
        folder, depth = waiting.pop()
        try:
            stat = folder.stat()
            if (stat.st_dev, stat.st_ino) in seen:
                continue
            seen.add((stat.st_dev, stat.st_ino))
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError:
            # It went away, or may not be read; what is in it cannot be shown either way.
            continue
        folders = [entry for entry in inside if _is_folder(entry) and not _SKIPPED.fullmatch(entry.name)]
        if depth < DEEPEST:
            waiting += [(folder / entry.name, depth + 1) for entry in folders]
        yield folder, [entry.name for entry in inside if not _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _chosen(logs: list[Log]) -> list[Log]:
    """The most telling first; of the states that a trainer leaves in each checkpoint, the newest has all of it."""
    states = [log for log in logs if log.kind == "trainer_state"]
    newest = max(states, key=lambda log: _modified(log.path), default=None)
    kept = [log for log in logs if log.kind != "trainer_state" or log is newest]
    return sorted(kept, key=lambda log: (ORDER.index(log.kind), _modified(log.path)))[:MOST_LOGS_OF_A_RUN]


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
