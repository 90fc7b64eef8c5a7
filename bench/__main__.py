"""`python -m bench`: Parley against its peers on one model, in turns, in one run. Prints ratios; people judge.

The figures of one run on a shared machine move by a factor of two; their ratios hold.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "checkpoints" / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
PEER_PYTHON = ROOT / "bench" / ".venv" / "bin" / "python"


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
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with exit code {self.process.wait()}")
        return json.loads(line)["seconds"]

    def do(self, task: Task) -> float:
        self.process.stdin.write(json.dumps(task.act) + "\n")
        self.process.stdin.flush()
        return task.tokens / self.hear()


def main() -> None:
    options = _options()
    tasks = [TASKS[name] for name in options.what or TASKS]
    contestants = [_start(name, python, options) for name, python in _line_up(options)]
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
    print(_table(contestants, tasks))
    if options.json:
        options.json.write_text(json.dumps(_report(contestants, options), indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh bench", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="WHAT", help="rows to measure; all of them without a name")
    parser.add_argument("--model", type=Path, default=MODEL, help="a GGUF file")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="the same number for everybody")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--without", nargs="*", default=[], help="contestants to leave out")
    parser.add_argument("--peer-python", type=Path, default=PEER_PYTHON, help="one that has bench/requirements.txt")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    return parser.parse_args()


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


def _start(name: str, python: Path, options: argparse.Namespace) -> Contestant:
    command = [str(python), "-m", f"bench.contestants.{name}", str(options.model), str(options.threads)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    contestant = Contestant(name, process)
    contestant.load_seconds = contestant.hear()
    print(f"{name} is loaded after {contestant.load_seconds:.2f} s", file=sys.stderr)
    return contestant


def _table(contestants: Sequence[Contestant], tasks: Sequence[Task]) -> str:
    names = [contestant.name for contestant in contestants]
    lines = [f"| tokens per second: median (least to most) | {' | '.join(names)} | parley against each |"]
    lines.append("|---|" + "---|" * (len(names) + 1))
    for task in tasks:
        measured = [contestant.rates[task.name] for contestant in contestants]
        cells = [f"{median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})" for rates in measured]
        ratios = [f"{median(measured[0]) / median(rates):.2f}x" for rates in measured[1:]]
        lines.append(f"| {task.name} | {' | '.join(cells)} | {', '.join(ratios)} |")
    loads = " | ".join(f"{contestant.load_seconds:.2f} s" for contestant in contestants)
    lines.append(f"| until loaded, once | {loads} | |")
    return "\n".join(lines)


def _report(contestants: Sequence[Contestant], options: argparse.Namespace) -> dict[str, object]:
    machine = {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    measured = [
        {"name": each.name, "load_seconds": each.load_seconds, "tokens_per_second": each.rates} for each in contestants
    ]
    return {"machine": machine, "model": options.model.name, "threads": options.threads, "measured": measured}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    if sys.argv[1:2] == ["page"]:
        sys.exit(subprocess.call([sys.executable, "-m", "bench.page", *sys.argv[2:]], cwd=ROOT))
    started = time.monotonic()
    main()
    print(f"\nmeasured in {time.monotonic() - started:.0f} s", file=sys.stderr)
