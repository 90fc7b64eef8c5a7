"""How even the beat is: gaps between events of answers that come at twenty tokens per second."""

from __future__ import annotations

import argparse
from statistics import median

from bench.engines import LASTING, folder_of
from bench.report import Table, share
from bench.rows.server import crowd
from bench.serving import Stream, listen, serving

PACE, TOKENS = 20, 200
COUNTS = (1, 16)


def measure(options: argparse.Namespace) -> Table:
    """The server alone, over an engine that keeps the pace by a clock, and with the model at about that pace."""
    rows, measured = [], {}
    tokens = 20 if options.short else TOKENS
    with serving("tests.serve_double", "--token-seconds", str(1 / PACE), "--load-seconds", "0") as server:
        for count in COUNTS:
            streams = listen(server, [{"prompt": "/long", "max_new_tokens": tokens}] * count)
            _note(f"server alone, {count} clients", streams, rows, measured)
    with folder_of(options.model) as (folder, (model,)):
        flags = ["--checkpoints", str(folder), "--cache-directory", str(LASTING), "--threads", str(options.threads)]
        with serving("chat", *flags) as server:
            server.load(model)
            crowd(server, model, 1, tokens)
            for count in COUNTS:
                _note(f"{options.model.name}, {count} clients", crowd(server, model, count, tokens), rows, measured)
    head = ("gaps between token events", "events/s, each", "p50, ms", "p99, ms", "longest, ms", "p99 / p50")
    return Table(head, tuple(rows), measured)


def _note(name: str, streams: list[Stream], rows: list[tuple[str, ...]], measured: dict[str, list[float]]) -> None:
    gaps = [1000 * gap for stream in streams for gap in stream.gaps()]
    half, most = median(gaps), share(gaps, 0.99)
    pace = 1000 * len(gaps) / sum(gaps)
    rows.append((name, f"{pace:.1f}", f"{half:.1f}", f"{most:.1f}", f"{max(gaps):.1f}", f"{most / half:.2f}x"))
    measured[name] = gaps
