"""How speed changes with the length of the context and with the number of streams: two pictures and their figures."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.contest import ROOT, Contestant, Task, start
from bench.plot import Curve, picture
from bench.report import Table, spread

CONTEXTS, STREAMS = (1, 512, 1024, 2048, 4096, 8000), (1, 2, 4, 8, 16, 32, 64)
TOKENS, REPETITIONS = 16, 3
PICTURES = ROOT / "docs" / "performance"


def measure(options: argparse.Namespace) -> Table:
    """Decode behind ever longer contexts, then for ever more streams; pictures only of a whole run."""
    contexts, streams = (CONTEXTS[:2], STREAMS[:2]) if options.short else (CONTEXTS, STREAMS)
    parley = start("parley", Path(sys.executable), options)
    by_context = {count: _rates(parley, {"act": "behind", "context": count, "tokens": TOKENS}, 1) for count in contexts}
    by_streams = {
        count: _rates(parley, {"act": "decode", "streams": count, "tokens": TOKENS}, count) for count in streams
    }
    parley.process.stdin.close()
    parley.process.wait()
    if not options.short:
        name = options.model.stem
        picture(
            PICTURES / "context.png",
            "One answer, by the tokens before it",
            "tokens of context",
            Curve(name, by_context),
        )
        picture(PICTURES / "streams.png", "All answers together, by their number", "streams", Curve(name, by_streams))
    rows = [(f"{count:,} tokens of context", spread(rates)) for count, rates in by_context.items()]
    rows += [(f"{count} streams", spread(rates)) for count, rates in by_streams.items()]
    measured = {"by_context": by_context, "by_streams": by_streams}
    return Table(("decoding", "tokens/s, all"), tuple(rows), json.loads(json.dumps(measured)))


def _rates(parley: Contestant, act: dict[str, object], streams: int) -> list[float]:
    task = Task(str(act), act, TOKENS * streams)
    parley.do(task)  # Warm up; what lies before the tokens is computed here too.
    return [parley.do(task) for _ in range(REPETITIONS)]
