"""What a load takes against its estimate, and what ten loads leave behind."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from bench.engines import engine_over, first_token_seconds, folder_of
from bench.menu import Options
from bench.report import Table, say
from engine import Engine, LoadOptions

CYCLES, MIB = 10, 2**20
ESTIMATED_TOKENS = 2048


def measure(options: Options) -> Iterator[Table]:
    """Estimate and load in both precisions of a CPU, then load and unload again and again."""
    head = (options.model.name, "estimated, MiB", "taken, MiB", "estimated against taken")
    rows, measured = [], {}
    with folder_of(options.model) as (folder, (model,)), engine_over(folder, options) as engine:
        for precision in ("int8", "float32"):
            say(f"memory: one load in {precision}")
            estimated, taken = _estimated_and_taken(engine, model, precision)
            rows.append((precision, f"{estimated / MIB:,.0f}", f"{taken / MIB:,.0f}", f"{estimated / taken:.3f}x"))
            measured[precision] = {"estimated_bytes": estimated, "taken_bytes": taken}
            yield Table(head, tuple(rows), measured)
        left = _left_behind(engine, model, 2 if options.short else CYCLES)
    rows.append((f"left behind by {len(left)} loads", "", f"{left[-1] / MIB:,.1f}", ""))
    yield Table(head, tuple(rows), measured | {"left_behind_bytes": left})


def _left_behind(engine: Engine, model: str, cycles: int) -> list[int]:
    """By how much the processes have grown after each load and unload."""
    before, left = tree_bytes(), []
    for number in range(cycles):
        engine.load(model)
        engine.wait_until_loaded(model)
        engine.unload(model)
        left.append(tree_bytes() - before)
        say(f"memory: load {number + 1} of {cycles} left {left[-1] / MIB:+.1f} MiB")
    return left


def tree_bytes(root: psutil.Process | None = None) -> int:
    """Memory of a process, this one without a name, and of all below it, without the pages of files.

    Those are shared with whoever runs the same libraries, and come and go with them.
    """
    root = root or psutil.Process()
    told = [each.memory_info() for each in (root, *root.children(recursive=True))]
    return sum(each.rss - getattr(each, "shared", 0) for each in told)


def _estimated_and_taken(engine: Engine, model: str, precision: str) -> tuple[int, int]:
    """Of the worker with its weights, and with keys and values of as many tokens as the estimate has in it."""
    chosen = LoadOptions(precision=precision)
    info = engine.checkpoint(model)
    estimated = engine.estimate(info, chosen)
    engine.load(model, chosen)
    engine.wait_until_loaded(model)
    tokens = min(info.context_length, ESTIMATED_TOKENS) - 2
    first_token_seconds(engine, model, [1000 + place for place in range(tokens)])
    taken = engine.status(model).memory_bytes
    engine.unload(model)
    return estimated.total_bytes, taken
