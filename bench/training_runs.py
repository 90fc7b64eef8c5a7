"""`python -m bench.training_runs`: how long 200 runs of 100,000 points each take to open, and what an event costs."""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path

from training.events import TrainingEmitter
from training.run_writer import RunWriter
from training.runs import Runs

RUNS, POINTS, EVENTS = 200, 100_000, 50_000


def main() -> None:
    """Make the runs, open them, print the times."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_runs(root)
        house = Runs(root)
        print(f"list of {RUNS} runs, {POINTS} points each, first time: {seconds(house.all):.2f} s")
        time.sleep(0.6)
        print(f"the same list again: {seconds(house.all):.3f} s")
        first = seconds(lambda: house.series("run-0", ["loss"], "step", 2000))
        print(f"the curve of one run, first time: {first:.2f} s")
        print(f"the same curve again: {seconds(lambda: house.series('run-0', ['loss'], 'step', 2000)):.3f} s")
        print(f"an event with one listener: {cost_of_event(lambda event: None):.2f} us")
        with RunWriter(root / "written", emitter := TrainingEmitter()):
            cost = min(timeit.repeat(lambda: tell(emitter), number=EVENTS, repeat=3)) / EVENTS
        print(f"an event that is written to a file: {1e6 * cost:.1f} us")


def write_runs(root: Path) -> None:
    """One file on the disk under many names, since only reading is measured."""
    original = root / "run-0" / "events.jsonl"
    original.parent.mkdir()
    with original.open("w") as file:
        for step in range(POINTS):
            loss = 2 + math.exp(-step / 20_000) + math.sin(step) / 10
            told = {
                "event": "batch_end",
                "at": 1.7e9 + step,
                "step": step,
                "loss": loss,
                "lr": 3e-4,
                "tokens": 512 * step,
            }
            file.write(json.dumps(told) + "\n")
    for number in range(1, RUNS):
        folder = root / f"run-{number}"
        folder.mkdir()
        os.link(original, folder / "events.jsonl")


def seconds(do: Callable[[], object]) -> float:
    """How long that takes once."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def cost_of_event(listener: Callable[[object], None]) -> float:
    """Microseconds."""
    emitter = TrainingEmitter()
    emitter.on("batch_end", listener)
    return 1e6 * min(timeit.repeat(lambda: tell(emitter), number=EVENTS, repeat=5)) / EVENTS


def tell(emitter: TrainingEmitter) -> None:
    """What a training loop tells after each batch."""
    emitter.emit("batch_end", batch_idx=1, loss=2.0, lr=3e-4)


if __name__ == "__main__":
    main()
