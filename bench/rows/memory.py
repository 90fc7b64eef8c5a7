"""What a load takes against its estimate, and what ten loads leave behind."""

from __future__ import annotations

import argparse

import psutil

from bench.engines import engine_over, folder_of
from bench.report import Table
from engine import Engine, LoadOptions

CYCLES, MIB = 10, 2**20


def measure(options: argparse.Namespace) -> Table:
    """Estimate and load in both precisions of a CPU, then load and unload again and again."""
    cycles = 2 if options.short else CYCLES
    rows, measured = [], {}
    with folder_of(options.model) as (folder, (model,)), engine_over(folder, options) as engine:
        for precision in ("int8", "float32"):
            estimated, taken = _estimated_and_taken(engine, model, precision)
            rows.append((precision, f"{estimated / MIB:,.0f}", f"{taken / MIB:,.0f}", f"{estimated / taken:.3f}x"))
            measured[precision] = {"estimated_bytes": estimated, "taken_bytes": taken}
        before = tree_bytes()
        for _ in range(cycles):
            engine.load(model)
            engine.wait_until_loaded(model)
            engine.unload(model)
        grown = tree_bytes() - before
    rows.append((f"left behind by {cycles} loads", "", f"{grown / MIB:,.1f}", ""))
    head = (options.model.name, "estimated, MiB", "taken, MiB", "estimated against taken")
    return Table(head, tuple(rows), measured | {"cycles": cycles, "left_behind_bytes": grown})


def tree_bytes(root: psutil.Process | None = None) -> int:
    """Memory of a process, this one without a name, and of all below it, without the pages of files.

    Those are shared with whoever runs the same libraries, and come and go with them.
    """
    root = root or psutil.Process()
    told = [each.memory_info() for each in (root, *root.children(recursive=True))]
    return sum(each.rss - getattr(each, "shared", 0) for each in told)


def _estimated_and_taken(engine: Engine, model: str, precision: str) -> tuple[int, int]:
    """Of the worker and its weights, before any key or value is there."""
    chosen = LoadOptions(precision=precision)
    info = engine.checkpoint(model)
    estimated = engine.estimate(info, chosen)
    engine.load(model, chosen)
    taken = engine.wait_until_loaded(model).memory_bytes
    engine.unload(model)
    return estimated.total_bytes - estimated.kv_bytes_per_token * min(info.context_length, 2048), taken
