"""`python -m bench.fuzz files`, `… api`, `… logs` and `… streams`: the long forms of tests that try whatever may come.

`files` reads 10,000 damaged files of each kind, in processes with a limit of memory. What it prints before its last
lines are finds; a number given with --first begins elsewhere. `api` asks each address what its description allows and
forbids, of a server with a scripted engine, and something else in each round. `logs` lets the readers of training runs
read logs of anything, `streams` the page's reader streams of anything; both break off where they find something.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Returns 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    files = parts.add_parser("files", help="damaged checkpoints")
    files.add_argument("--count", type=int, default=10_000, help="how many of each kind")
    files.add_argument("--first", type=int, default=0, help="the number of the first damage")
    files.add_argument("kinds", nargs="*", help="which kinds; all where none is named")
    api = parts.add_parser("api", help="every address")
    api.add_argument("--examples", type=int, default=50, help="requests to each address in a round")
    api.add_argument("--minutes", type=float, default=10.0, help="go round for so long")
    for part, about in (("logs", "logs of training runs"), ("streams", "streams of events, read by node")):
        one = parts.add_parser(part, help=about)
        one.add_argument("--examples", type=int, default=2_000, help="how many of each sort")
        one.add_argument("--seed", type=int, default=1, help="another number makes others")
    asked = parser.parse_args()
    return {"files": _files, "api": _api, "logs": _logs, "streams": _streams}[asked.part](asked)


def _api(asked: argparse.Namespace) -> int:
    from tests.faults.addresses import ask_everything

    with tempfile.TemporaryDirectory() as folder:
        outcome = ask_everything(Path(folder), asked.examples, 60 * asked.minutes, rounds=None)
    for (method, path, status), command in outcome.finds.items():
        print(f"{method} {path} answered {status}: {command}")
    asked_so_often = sum(outcome.statuses.values())
    print(f"{asked_so_often} requests in {outcome.rounds} rounds: {dict(sorted(outcome.statuses.items()))}")
    return 1 if outcome.finds else 0


def _logs(asked: argparse.Namespace) -> int:
    from tests.any_log import read_anything, show_anything

    read_anything(asked.examples, asked.seed)
    show_anything(asked.examples, asked.seed)
    return 0


def _streams(asked: argparse.Namespace) -> int:
    from tests.any_stream import page_reader, read_anything, read_our_own

    with page_reader("node") as reader:
        read_anything(reader, asked.examples, asked.seed)
        read_our_own(reader, asked.examples, asked.seed)
    return 0


def _files(asked: argparse.Namespace) -> int:
    from tests.faults.seeds import KINDS, write_seeds

    finds = 0
    with tempfile.TemporaryDirectory() as folder:
        seeds = write_seeds(Path(folder) / "seeds")
        for kind in asked.kinds or sorted(KINDS):
            reader = [sys.executable, "-m", "tests.faults.damaged_reader"]
            ended = subprocess.run([*reader, str(seeds), str(asked.first), str(asked.count), kind], cwd=ROOT)
            finds += ended.returncode != 0
            print(f"{kind}: {'nothing found' if ended.returncode == 0 else f'exit code {ended.returncode}'}")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
