"""Engines as child processes that take turns in one run: Parley and its peers, each with the model loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.children import ROOT, stop
from bench.menu import Options
from bench.report import say

GOODBYE_SECONDS = 5.0
# As the server sets it for its workers.
SURROUNDINGS = {"parley": {"GOMP_SPINCOUNT": "20000"}}


@dataclass(frozen=True, slots=True)
class Contestant:
    """A child process with one engine; `told` is what it says of its precision and size."""

    name: str
    process: subprocess.Popen[str]
    told: str

    def do(self, act: str, **how: int) -> float:
        """Have it do something once; the seconds that took by its own clock."""
        self.process.stdin.write(json.dumps({"act": act, **how}) + "\n")
        self.process.stdin.flush()
        return _hear(self.name, self.process)["seconds"]


@contextmanager
def contestants(options: Options, without: Sequence[str] = ()) -> Iterator[list[Contestant]]:
    """All that take part, loaded. Exits where a peer that was not left out has no Python to run in."""
    names = [name for name in ("parley", "llama_cpp_python", "transformers_float32") if name not in without]
    started: list[Contestant] = []
    try:
        for name in (name for name in names if name not in options.without):
            started.append(_start(name, options))
            say(f"{name} is loaded: {started[-1].told}")
        yield started
    finally:
        for each in started:
            each.process.stdin.close()  # It ends by itself where it is not in the middle of something.
        for each in started:
            _part(each.process)


def _start(name: str, options: Options) -> Contestant:
    python = options.peer_python if name == "llama_cpp_python" else Path(sys.executable)
    if not python.exists():
        raise SystemExit(
            f"{name} needs a Python of its own: python3 -m venv bench/.venv && "
            f"bench/.venv/bin/pip install -r bench/requirements.txt, or --peer-python FILE, or --without {name}"
        )
    process = subprocess.Popen(
        [str(python), "-m", f"bench.contestants.{name}", str(options.model), str(options.threads)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": str(options.threads), **SURROUNDINGS.get(name, {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return Contestant(name, process, _hear(name, process)["told"])


def _part(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(GOODBYE_SECONDS)
    except subprocess.TimeoutExpired:
        stop(process)
    process.stdout.close()


def _hear(name: str, process: subprocess.Popen[str]) -> dict[str, Any]:
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{name} ended with exit code {process.wait()}")
    return json.loads(line)
