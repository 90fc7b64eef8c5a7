"""From the wish to the model that answers: a GGUF file, and our own export of it, against transformers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench.children import ROOT
from bench.engines import LASTING, engine_over, folder_of
from bench.menu import Options
from bench.report import Table, say, spread

# transformers takes minutes to read a GGUF file: once is enough to see by how much.
GGUF_REPETITIONS = 1
# The process that workers come from imports torch meanwhile, as transformers' has before its clock starts.
WARM_UP_SECONDS = 3.0
HEAD = ("until ready, s", "size, MB", "parley", "transformers", "parley against it")
Load = Callable[[], float]


def measure(options: Options) -> Iterator[Table]:
    """Load in turns; both have imported their libraries before the clock starts."""
    rows, measured = [], {}
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        exported = _export(options.model, Path(name) / "exported")
        kinds = [("Hugging Face directory", exported, options.times)]
        if not options.short:
            kinds.append(("GGUF", options.model, GGUF_REPETITIONS))
        for kind, model, theirs in kinds:
            loads = _parley(model, options, LASTING), _transformers(model, options)
            ours, peer = _in_turns(kind, *loads, options.times, theirs)
            ratio = f"{median(ours) / median(peer):.3f}x"
            rows.append((kind, f"{_bytes(model) / 1e6:,.0f}", spread(ours, 2), spread(peer, 2), ratio))
            measured[kind] = {"parley": ours, "transformers": peer}
            yield Table(HEAD, tuple(rows), measured)
        say("ready: with an empty cache folder")
        first = _parley(exported, options, Path(name) / "fresh")()
    rows.append(("the first load ever, kernels compiled", "", f"{first:.2f}", "", ""))
    yield Table(HEAD, tuple(rows), measured | {"first_load_ever": first})


def _in_turns(kind: str, parley: Load, peer: Load, ours: int, theirs: int) -> tuple[list[float], list[float]]:
    parley()  # Warm up: the file is in memory for both then.
    loads: tuple[list[float], list[float]] = ([], [])
    for number in range(max(ours, theirs)):
        for name, load, times, found in zip(
            ("parley", "transformers"), (parley, peer), (ours, theirs), loads, strict=True
        ):
            if number < times:
                found.append(load())
                say(f"ready: {kind}, {name}: {found[-1]:.2f} s")
    return loads


def _parley(model: Path, options: Options, cache: Path) -> Load:
    def load() -> float:
        with folder_of(model) as (folder, (model_id,)), engine_over(folder, options, cache) as engine:
            time.sleep(0.0 if options.short else WARM_UP_SECONDS)
            started = time.perf_counter()
            engine.load(model_id)
            engine.wait_until_loaded(model_id)
            return time.perf_counter() - started

    return load


def _bytes(model: Path) -> int:
    return sum(each.stat().st_size for each in (model.iterdir() if model.is_dir() else [model]))


def _transformers(model: Path, options: Options) -> Load:
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
