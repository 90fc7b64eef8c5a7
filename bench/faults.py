"""`./scripts/run.sh bench requests --count 10000`: requests one after the other, and what the server holds meanwhile.

Streams, whole answers, lists, conversations, mistakes and unknown names, over one connection to a real server with a
tiny model. Each must be answered as it should; memory, threads and open files may not grow from the first tenth on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.children import end_in_order
from bench.report import Table, save, say
from bench.rows.memory import MIB
from bench.serving import Server, serving
from tests.faults.growth import Footprint, work_through
from tests.tiny import write_checkpoint

LOOKS = 10
# Pools fill as chance has it, and Python's memory comes in arenas.
MOST_GROWTH = {"memory, MiB": 24.0, "threads": 4.0, "open files": 4.0}


def walk(server: Server, count: int) -> tuple[Table, list[str]]:
    """So many requests with ten looks at all processes of the server; the table, and what grew too much."""
    port, looks, started = urlsplit(server.address).port, [], time.monotonic()
    for number in range(LOOKS):
        work_through(port, count // LOOKS)
        looks.append(held(server))
        said = ", ".join(f"{name} {value:,.1f}" for name, value in looks[-1].items())
        say(
            f"requests: {count // LOOKS * (number + 1):,} of {count:,} after {time.monotonic() - started:.0f} s: {said}"
        )
    grown = {name: looks[-1][name] - looks[0][name] for name in MOST_GROWTH}
    wrong = [f"{name} grew by {grown[name]:.1f}" for name, most in MOST_GROWTH.items() if grown[name] > most]
    rows = [
        (name, f"{looks[0][name]:,.1f}", f"{max(look[name] for look in looks):,.1f}", f"{looks[-1][name]:,.1f}",
         f"{grown[name]:+.1f}", f"{most:+.0f}")
        for name, most in MOST_GROWTH.items()
    ]  # fmt: skip
    head = ("", f"after {count // LOOKS:,} requests", "the most", f"after {count:,}", "growth", "allowed")
    return Table(head, tuple(rows), {"looks": looks, "wrong": wrong, "requests": count}), wrong


def held(server: Server) -> dict[str, float]:
    """What all processes of the server take together."""
    root = psutil.Process(server.process.pid)
    each = [Footprint.of(process.pid) for process in (root, *root.children(recursive=True))]
    return {
        "memory, MiB": sum(one.memory_bytes for one in each) / MIB,
        "threads": float(sum(one.threads for one in each)),
        "open files": float(sum(one.descriptors for one in each)),
    }


def main() -> int:
    """Ask a server of its own; 1 where something grew."""
    parser = argparse.ArgumentParser(prog="run.sh bench requests", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory(prefix="parley-requests-") as name:
        write_checkpoint(Path(name) / "tiny", max_position_embeddings=2048)
        flags = ["--checkpoints", name, "--cache-directory", f"{name}/cache", "--threads", "1"]
        with serving("chat", *flags, "--precision", "float32") as server:
            server.load("tiny")
            table, wrong = walk(server, options.count)
    saved = save("requests", table, f"{options.count:,} requests over one connection, a tiny model")
    print(f"\n### {options.count:,} requests in a row\n\n{table.markdown()}\n")
    for complaint in wrong:
        print(f"- {complaint}")
    say(f"requests: saved as {saved}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
