"""What can be measured, how long that may take at the most, and the options that all of it shares."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.children import ROOT

MODEL = ROOT / "checkpoints" / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
SECOND = ROOT / "checkpoints" / "gemma-3-270m" / "gemma-3-270m-q4_k_m.gguf"
PEER_PYTHON = ROOT / "bench" / ".venv" / "bin" / "python"
RESULTS = ROOT / "bench" / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: the module whose `measure` does it, and the seconds after which it is given up."""

    told: str
    module: str
    limit_seconds: float = 600.0
    by_default: bool = True
    has_model: bool = True


ROWS = {
    "rates": Row("decoding with 1, 8, 16 streams and prefill, in turns with the peers", "bench.rows.rates", 1200.0),
    "turn": Row("first token of a second turn after 1,000 tokens, against the same length cold", "bench.rows.turn"),
    "ready": Row("time until ready, against transformers with the same files", "bench.rows.ready", 1200.0),
    "perplexity": Row("int8 against float32 on the same text", "bench.rows.perplexity"),
    "beat": Row("gaps between events at 20 tokens per second", "bench.rows.beat"),
    "server": Row("1, 8, 32, 96 clients of a real server: first token, gaps, tokens/s", "bench.rows.server", 900.0),
    "timings": Row("what the server says of its times, against a stopwatch outside", "bench.rows.timings"),
    "memory": Row("estimate against what a load takes, and what ten loads leave behind", "bench.rows.memory"),
    "growth": Row("tokens/s by context and by streams, two pictures in docs/performance/", "bench.rows.growth", 1200.0),
    "blocks": Row("what it costs the server to turn growing text into HTML", "bench.page.blocks", has_model=False),
    "page": Row(
        "what long conversations and long answers cost the page, in Chromium", "bench.page.transcript", has_model=False
    ),
    "list": Row("how quick the list of 2,000 checkpoints is, in Chromium", "bench.page.checkpoints", has_model=False),
    "gpu": Row("one stream against the memory's bandwidth, 64 against one", "bench.rows.gpu", by_default=False),
}
OWN_OPTIONS = {
    "soak": "bench.soak",
    "requests": "bench.faults",
    "fuzz": "bench.fuzz",
    "runs": "bench.training_runs",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line, the same for all measurements. `second` is another model's GGUF file."""

    model: Path = MODEL
    second: Path = SECOND
    threads: int = 1
    repetitions: int = 5
    without: tuple[str, ...] = ()
    peer_python: Path = PEER_PYTHON
    results: Path = RESULTS
    short: bool = False

    @property
    def times(self) -> int:
        """How often each measurement is repeated."""
        return 1 if self.short else self.repetitions

    def conditions(self, row: Row) -> str:
        """What a row's figures depend on, in words."""
        if not row.has_model:
            return "no model takes part"
        size = self.model.stat().st_size / 1e6
        return f"{self.model.name}, {size:.0f} MB; {self.threads} threads for everybody; {self.times} repetitions"

    def as_arguments(self) -> list[str]:
        """The same on a command line."""
        told = ["--model", str(self.model), "--second", str(self.second), "--threads", str(self.threads)]
        told += ["--repetitions", str(self.repetitions), "--peer-python", str(self.peer_python)]
        told += ["--results", str(self.results), *(["--short"] if self.short else [])]
        return [*told, "--without", *self.without] if self.without else told


def read_options(arguments: Sequence[str], title: str) -> tuple[list[str], Options]:
    """Which rows are wanted, those by default where none is named, and the options. Exits with 2 on a mistake."""
    parser = argparse.ArgumentParser(
        prog="run.sh bench",
        description=title,
        epilog="\n".join(["WHAT is one or several of:", *_menu()]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="*", metavar="WHAT", choices=[*ROWS, []], help="see below; all but gpu by itself")
    parser.add_argument("--model", type=Path, default=MODEL, help="a GGUF file")
    parser.add_argument("--second", type=Path, default=SECOND, help="another model's GGUF file, for perplexity")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="the same number for everybody")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--without", nargs="*", default=[], help="contestants to leave out")
    parser.add_argument("--peer-python", type=Path, default=PEER_PYTHON, help="one that has bench/requirements.txt")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for JSON and Markdown")
    parser.add_argument("--short", action="store_true", help="as little as shows that it works")
    asked = vars(parser.parse_args(arguments))
    what = asked.pop("what") or [name for name, row in ROWS.items() if row.by_default]
    if any(ROWS[name].has_model for name in what) and not asked["model"].is_file():
        parser.error(
            f"there is no file {asked['model']}: `./scripts/run.sh starter` fetches one, --model names another"
        )
    return what, Options(**{**asked, "without": tuple(asked["without"])})


def _menu() -> list[str]:
    told = [f"  {name:11} {row.told}; {row.limit_seconds / 60:.0f} minutes at the most" for name, row in ROWS.items()]
    return [*told, *(f"  {name:11} has options of its own: `bench {name} --help`" for name in OWN_OPTIONS)]
