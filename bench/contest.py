"""Rates of decoding and prefill: Parley and its peers as child processes that take turns in one run."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.report import Table, spread

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the table: what is done, and how many tokens that makes."""

    name: str
    act: dict[str, object]
    tokens: int


TASKS = {
    "decode": Task("decode, 1 stream", {"act": "decode", "streams": 1, "tokens": 64}, 64),
    "streams8": Task("decode, sum of 8 streams", {"act": "decode", "streams": 8, "tokens": 32}, 256),
    "streams16": Task("decode, sum of 16 streams", {"act": "decode", "streams": 16, "tokens": 32}, 512),
    "prefill": Task("prefill, 520 tokens", {"act": "prefill", "tokens": 520}, 520),
}


@dataclass
class Contestant:
    """A child process with one engine; `rates` are tokens per second of each repetition, by task."""

    name: str
    process: subprocess.Popen[str]
    load_seconds: float = 0.0
    rates: dict[str, list[float]] = field(default_factory=dict)

    def hear(self) -> float:
        """The seconds of its next answer."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with exit code {self.process.wait()}")
        return json.loads(line)["seconds"]

    def do(self, task: Task) -> float:
        """Do a task once; tokens per second."""
        self.process.stdin.write(json.dumps(task.act) + "\n")
        self.process.stdin.flush()
        return task.tokens / self.hear()


def compete(names: Sequence[str], options: argparse.Namespace) -> Table:
    """Warm everybody up, then let all do each task in turn, as often as asked."""
    tasks = [TASKS[name] for name in names]
    contestants = [start(name, python, options) for name, python in _line_up(options)]
    for contestant in contestants:
        for task in tasks:
            contestant.do(task)  # Warm up.
    for repetition in range(options.repetitions):
        print(f"repetition {repetition + 1} of {options.repetitions}", file=sys.stderr)
        for task in tasks:
            for contestant in contestants:
                contestant.rates.setdefault(task.name, []).append(contestant.do(task))
    for contestant in contestants:
        contestant.process.stdin.close()
        contestant.process.wait()
    return _table(contestants, tasks, options)


def _line_up(options: argparse.Namespace) -> list[tuple[str, Path]]:
    everybody = [
        ("parley", Path(sys.executable)),
        ("llama_cpp_python", options.peer_python),
        ("transformers_float32", Path(sys.executable)),
    ]
    chosen = [(name, python) for name, python in everybody if name not in options.without]
    for name, python in chosen:
        if not python.exists():
            raise SystemExit(
                f"{name} needs a Python of its own: python3 -m venv bench/.venv && "
                f"bench/.venv/bin/pip install -r bench/requirements.txt, or --without {name}"
            )
    return chosen


def start(name: str, python: Path, options: argparse.Namespace) -> Contestant:
    """A contestant with its model loaded."""
    command = [str(python), "-m", f"bench.contestants.{name}", str(options.model), str(options.threads)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    contestant = Contestant(name, process)
    contestant.load_seconds = contestant.hear()
    print(f"{name} is loaded after {contestant.load_seconds:.2f} s", file=sys.stderr)
    return contestant


def _table(contestants: Sequence[Contestant], tasks: Sequence[Task], options: argparse.Namespace) -> Table:
    rows = []
    for task in tasks:
        measured = [contestant.rates[task.name] for contestant in contestants]
        ratios = [f"{median(measured[0]) / median(rates):.2f}x" for rates in measured[1:]]
        rows.append((task.name, *map(spread, measured), ", ".join(ratios)))
    rows.append(("until loaded, once, s", *(f"{each.load_seconds:.2f}" for each in contestants), ""))
    head = ("tokens per second: median (least to most)", *(each.name for each in contestants), "parley against each")
    rates = {each.name: {"load_seconds": each.load_seconds, "rates": each.rates} for each in contestants}
    measured = {"model": options.model.name, "bytes": options.model.stat().st_size, "threads": options.threads}
    return Table(head, tuple(rows), measured | {"tokens_per_second": rates})
