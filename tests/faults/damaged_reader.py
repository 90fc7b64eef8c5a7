"""`python -m tests.faults.damaged_reader SEEDS FIRST COUNT [KIND ...]`: read damaged checkpoints as the catalog does.

With LOAD in the place of the first kind they are loaded too, which takes torch and more of the address space.

Each must be listed, and whatever is asked of it must be told or refused with a CheckpointProblem. Anything else is
printed as one JSON object a line; the last line sums up. It runs under a limit of memory, and each file has a limit of
processor seconds.
"""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from engine.catalog import torch_pickle
from engine.catalog.formats import claiming
from engine.catalog.opening import Opened, described, opened
from engine.errors import CheckpointProblem
from tests.faults.mutations import mutated

LARGEST_MEMORY = 2**30
# Torch alone takes some gigabytes of addresses, and little memory.
LARGEST_WITH_TORCH = 8 * 2**30
LOAD = "LOAD"
REFUSED: dict[str, object] = {"error": "none: it was refused as it should be"}
LONGEST_SECONDS = 20.0


class TookTooLong(BaseException):
    """A file kept its reader busy; not an Exception, so that no reader takes it for one of its own."""


def main(arguments: list[str]) -> int:
    """Read them all. Returns 1 when there were finds."""
    seeds, first, count = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    loads, named = arguments[3:4] == [LOAD], arguments[4:] if arguments[3:4] == [LOAD] else arguments[3:]
    largest = LARGEST_WITH_TORCH if loads else LARGEST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (largest, largest))
    signal.signal(signal.SIGVTALRM, _stop)
    targets = json.loads((seeds / "targets.json").read_text())
    kinds = named or sorted(targets)
    finds, refused, slowest = 0, 0, 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for kind in kinds:
            folder = Path(shutil.copytree(seeds / kind, Path(scratch) / kind))
            for number in range(first, first + count):
                began = time.process_time()
                for find in _reading(folder, *targets[kind], number, loads=loads):
                    refused += find is REFUSED
                    if find is not REFUSED:
                        finds += 1
                        _say({"kind": kind, "number": number, **find})
                slowest = max(slowest, time.process_time() - began)
    peak = _peak_bytes()
    _say(
        {
            "read": count * len(kinds),
            "refused": refused,
            "finds": finds,
            "slowest_seconds": round(slowest, 2),
            "peak_bytes": peak,
        }
    )
    return 1 if finds else 0


def _peak_bytes() -> int:
    """The most memory that this process had since it began; what `getrusage` says is also of the process before it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _stop(number: int, frame: FrameType | None) -> None:
    raise TookTooLong


def _reading(folder: Path, file: str, checkpoint: str, number: int, *, loads: bool) -> Iterator[dict[str, object]]:
    """What went wrong with the damage of that number, or REFUSED; listing may not refuse, it tells the problem."""
    target = folder / file
    sound = target.read_bytes()
    target.write_bytes(mutated(sound, number))
    try:
        for name, act in _acts(folder, folder / checkpoint, loads=loads):
            broke = _tried(act)
            if broke is not None:
                yield REFUSED if broke is REFUSED and name != "listing" else {"while": name, **broke}
    finally:
        target.write_bytes(sound)


def _acts(folder: Path, path: Path, *, loads: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    """All that the catalog reads of a checkpoint."""
    if path.name == "data.pkl":
        yield "unpickling", lambda: torch_pickle.read_bare(path.read_bytes())
        return
    form = _claimed(path)
    yield "claiming", lambda: claiming(path)
    if form is None:
        return
    yield "listing", lambda: described(form, path, "damaged", folder)
    try:
        source = opened(described(form, path, "damaged", folder))
    except Exception:
        return  # The act before has told of it.
    yield from (
        ("config", source.config),
        ("tensors", source.tensors),
        ("candidates", source.candidates),
        ("tokenizer", source.tokenizer),
        ("template", source.template),
    )
    if loads:
        yield "loading", lambda: _load(path, source)


def _load(path: Path, source: Opened) -> None:
    from engine.letters import LoadPlan
    from engine.loader import load_model

    plan = LoadPlan("damaged", path, source.format, said=source.said, precision="float32", device="cpu")
    load_model(plan, lambda stage, fraction: None)


def _claimed(path: Path) -> object | None:
    try:
        return claiming(path)
    except Exception:
        return None  # The act of claiming tells of it.


def _tried(act: Callable[[], object]) -> dict[str, object] | None:
    """None when it went well, REFUSED when it was refused in order, else what broke."""
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_SECONDS)
    try:
        act()
    except CheckpointProblem as error:
        return REFUSED if error.message and error.code else {"error": "a problem without words"}
    except (Exception, TookTooLong) as error:
        places = [f"{Path(at.filename).name}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__)]
        return {"error": repr(error)[:300], "at": places[-4:]}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
