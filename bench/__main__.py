"""`python -m bench [WHAT …]`: Parley against its peers and against a stopwatch. Prints tables; people judge.

The figures of one run on a shared machine move by a factor of two; their ratios hold.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from bench.contest import ROOT, TASKS, compete
from bench.report import Table, save

MODEL = ROOT / "checkpoints" / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
PEER_PYTHON = ROOT / "bench" / ".venv" / "bin" / "python"
ROWS = {
    "turn": "first token of a second turn after 1,000 tokens of history, against the same prompt cold",
    "ready": "time until ready, against transformers with the same files",
    "perplexity": "int8 against float32 on the same text",
    "beat": "gap between events at 20 tokens per second",
    "server": "1, 8, 32, 96 clients of a real server: first token, gaps, tokens per second",
    "timings": "what the server says of its times, against a stopwatch outside",
    "memory": "estimate against what a load takes, and what ten loads leave behind",
    "growth": "tokens per second by context and by streams, as two pictures in docs/performance/",
    "gpu": "one-stream decoding against the memory's bandwidth, and 64 streams against one",
}
BY_DEFAULT = ("turn", "ready", "perplexity", "beat", "server", "timings", "memory")
OWN_OPTIONS = {"page": "bench.page", "soak": "bench.soak"}


def main() -> None:
    """Measure what is asked for, all that PERFORMANCE's table has without a name; print each table when it is there."""
    options = _options()
    wanted = options.what or [*TASKS, *BY_DEFAULT]
    contest = [name for name in wanted if name in TASKS]
    if contest:
        _tell("+".join(contest), lambda: compete(contest, options), options)
    for name in (name for name in wanted if name in ROWS):
        _tell(name, lambda name=name: import_module(f"bench.rows.{name}").measure(options), options)


def _tell(name: str, measure: Callable[[], Table], options: argparse.Namespace) -> None:
    started = time.monotonic()
    table = measure()
    file = save(name, table, options.json)
    print(f"\n### {name}\n\n{table.markdown()}\n", flush=True)
    print(f"{name}: measured in {time.monotonic() - started:.0f} s, saved as {file}", file=sys.stderr)


def _options() -> argparse.Namespace:
    told = [*(f"  {name:11} {task.name}" for name, task in TASKS.items())]
    told += [f"  {name:11} {what}" for name, what in ROWS.items()]
    told += [f"  {name:11} has options of its own: `bench {name} --help`" for name in OWN_OPTIONS]
    parser = argparse.ArgumentParser(
        prog="run.sh bench",
        description=__doc__.splitlines()[0],
        epilog="\n".join(["WHAT is one or several of:", *told]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="*", metavar="WHAT", choices=[*TASKS, *ROWS, []], help="see below")
    parser.add_argument("--model", type=Path, default=MODEL, help="a GGUF file")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="the same number for everybody")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--without", nargs="*", default=[], help="contestants to leave out")
    parser.add_argument("--peer-python", type=Path, default=PEER_PYTHON, help="one that has bench/requirements.txt")
    parser.add_argument("--json", type=Path, help="write what was measured here, not below bench/results/")
    parser.add_argument("--short", action="store_true", help="as little as shows that it works")
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in OWN_OPTIONS:
        sys.exit(subprocess.call([sys.executable, "-m", OWN_OPTIONS[sys.argv[1]], *sys.argv[2:]], cwd=ROOT))
    main()
