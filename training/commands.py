"""The fixed table of what can be started as a job. Parameters are checked, and never become part of a shell's line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.free_name import free_name
from training.supervisor import PROGRESS_FD

DTYPES = ("auto", "float32", "float16", "bfloat16")
MOST_STEPS = 100_000
EXPORTED = "exported"
ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class WrongParameters(ValueError):
    """A job was asked for that is not in the table, or with something that it cannot have; `param` says what."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Places:
    """Where jobs find checkpoints and leave runs. `knows` says whether there is a checkpoint of that id.

    `taken` are the names of the runs that other jobs are going to write.
    """

    checkpoints: Path
    runs: Path
    knows: Callable[[str], bool]
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Command:
    """What is started: the words of its command line, and the training run that it writes, if any."""

    argv: tuple[str, ...]
    run: str | None = None


def checked(kind: str, parameters: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """The parameters with their defaults. Raises WrongParameters."""
    if kind not in KINDS:
        raise WrongParameters(f"kind must be one of {', '.join(KINDS)}, not {kind[:40]!r}", "kind")
    check, _ = KINDS[kind]
    found = check(dict(parameters), places)
    for name in parameters.keys() - found.keys():
        raise WrongParameters(f"a job of the kind {kind} has no parameter {name[:40]!r}", f"parameters.{name}")
    return found


def command(kind: str, parameters: Mapping[str, Any], places: Places) -> Command:
    """The command line for parameters that were checked; the folder that it writes into is made. Raises OSError."""
    return KINDS[kind][1](parameters, places)


def _checked_check(told: dict[str, Any], places: Places) -> dict[str, Any]:
    return {"model": _model(told, places)}


def _check(told: Mapping[str, Any], places: Places) -> Command:
    return Command((*_tasks(), "check", "--checkpoints", str(places.checkpoints), "--", told["model"]))


def _checked_export(told: dict[str, Any], places: Places) -> dict[str, Any]:
    model, dtype = _model(told, places), told.get("dtype") or "auto"
    if dtype not in DTYPES:
        raise WrongParameters(f"dtype must be one of {', '.join(DTYPES)}, not {str(dtype)[:40]!r}", "dtype")
    name = _name(told, _NOT_IN_A_NAME.sub("-", Path(model).with_suffix("").as_posix()).strip("-.")[:80] or "exported")
    if (places.checkpoints / EXPORTED / name).exists():
        raise WrongParameters(f"there is already a folder {EXPORTED}/{name}; choose another name", "name")
    return {"model": model, "name": name, "dtype": dtype}


def _export(told: Mapping[str, Any], places: Places) -> Command:
    folder = places.checkpoints / EXPORTED
    folder.mkdir(parents=True, exist_ok=True)
    out = str(folder / told["name"])
    options = ("--checkpoints", str(places.checkpoints), "--dtype", told["dtype"])
    return Command((*_tasks(), "export", *options, "--", told["model"], out))


def _checked_demo(told: dict[str, Any], places: Places) -> dict[str, Any]:
    numbers = {"steps": _number(told, "steps", 2000, 1, MOST_STEPS), "seed": _number(told, "seed", 1, 0, 2**31 - 1)}
    if told.get("name") is None:
        return {"name": free_name("demo", places.checkpoints, places.runs, taken=places.taken), **numbers}
    name = _name(told, "demo")
    if free_name(name, places.checkpoints, places.runs, taken=places.taken) != name:
        raise WrongParameters(f"there is already a run or a folder {name}; choose another name, or none", "name")
    return {"name": name, **numbers}


def _demo(told: Mapping[str, Any], places: Places) -> Command:
    folders = ("--out", str(places.checkpoints / told["name"]), "--run", str(places.runs / told["name"]))
    numbers = ("--steps", str(told["steps"]), "--seed", str(told["seed"]))
    return Command((sys.executable, "-m", "training.demo", *folders, *numbers), run=told["name"])


def _tasks() -> tuple[str, ...]:
    return (sys.executable, "-m", "engine.tasks", "--progress-fd", PROGRESS_FD)


def _model(told: Mapping[str, Any], places: Places) -> str:
    model = told.get("model")
    if not isinstance(model, str) or not places.knows(model):
        raise WrongParameters(f"there is no checkpoint {str(model)[:200]!r}", "model")
    return model


def _name(told: Mapping[str, Any], default: str) -> str:
    name = told.get("name") or default
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise WrongParameters("name may hold letters, digits, points, dashes and underscores, 80 at most", "name")
    return name


def _number(told: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = told.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise WrongParameters(f"{name} must be a whole number between {low} and {high}", name)
    return value


KINDS: dict[str, tuple[Callable[..., dict[str, Any]], Callable[..., Command]]] = {
    "check": (_checked_check, _check),
    "export": (_checked_export, _export),
    "train-demo": (_checked_demo, _demo),
}
