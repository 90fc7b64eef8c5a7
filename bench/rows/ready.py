"""From the wish to the model that answers: a GGUF file, and our own export of it, against transformers."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.contest import ROOT
from bench.engines import LASTING, engine_over, folder_of
from bench.report import Table, spread

# transformers takes minutes to read a GGUF file: once is enough to see by how much.
GGUF_REPETITIONS = 1


def measure(options: argparse.Namespace) -> Table:
    """Load in turns; both have imported their libraries before the clock starts."""
    repetitions = 1 if options.short else options.repetitions
    rows, measured = [], {}
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        exported = _export(options.model, Path(name) / "exported")
        kinds = [("Hugging Face directory", exported, repetitions)]
        if not options.short:
            kinds.insert(0, ("GGUF", options.model, GGUF_REPETITIONS))
        for kind, model, theirs in kinds:
            ours, peer = _in_turns(model, options, repetitions, theirs)
            rows.append((kind, spread(ours, 2), spread(peer, 2), f"{median(ours) / median(peer):.3f}x"))
            measured[kind] = {"parley": ours, "transformers": peer}
        first = _parley(exported, options, Path(name) / "fresh")()
        rows.append(("the first load ever, kernels compiled", f"{first:.2f}", "", ""))
        measured["first_load_ever"] = first
    return Table(("until ready, s", "parley", "transformers", "parley against it"), tuple(rows), measured)


def _in_turns(model: Path, options: argparse.Namespace, ours: int, theirs: int) -> tuple[list[float], list[float]]:
    parley, peer = _parley(model, options, LASTING), _transformers(model, options)
    parley()  # Warm up: the file is in memory for both then.
    loads: tuple[list[float], list[float]] = ([], [])
    for number in range(max(ours, theirs)):
        if number < ours:
            loads[0].append(parley())
        if number < theirs:
            loads[1].append(peer())
    return loads


def _parley(model: Path, options: argparse.Namespace, cache: Path) -> Callable[[], float]:
    def load() -> float:
        with folder_of(model) as (folder, (model_id,)), engine_over(folder, options, cache) as engine:
            time.sleep(0.0 if options.short else 3.0)  # The process that workers come from imports torch meanwhile.
            started = time.perf_counter()
            engine.load(model_id)
            engine.wait_until_loaded(model_id)
            return time.perf_counter() - started

    return load


def _transformers(model: Path, options: argparse.Namespace) -> Callable[[], float]:
    def load() -> float:
        command = [sys.executable, "-m", "bench.contestants.transformers_load", str(model), str(options.threads)]
        told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return float(told.stdout)

    return load


def _export(model: Path, out: Path) -> Path:
    with folder_of(model) as (folder, (model_id,)):
        command = [sys.executable, "-m", "engine.tasks", "export", "--checkpoints", str(folder), model_id, str(out)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out
