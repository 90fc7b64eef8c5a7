"""Rates of decoding and of prefill: everybody does each task in turn, as often as asked, in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.contest import Contestant, contestants
from bench.menu import Options
from bench.report import Table, say, spread

PROMPT = 16


@dataclass(frozen=True, slots=True)
class Task:
    """What is timed; with streams, prompts of 16 tokens are computed before the clock starts."""

    name: str
    tokens: int
    streams: int = 0

    def rate(self, contestant: Contestant) -> float:
        """Tokens per second of all streams together."""
        if not self.streams:
            return self.tokens / contestant.do("prefill", tokens=self.tokens)
        contestant.do("begin", streams=self.streams, context=PROMPT)
        return self.streams * self.tokens / contestant.do("decode", tokens=self.tokens)


TASKS = (
    Task("decode, 1 stream", 64, 1),
    Task("decode, sum of 8 streams", 32, 8),
    Task("decode, sum of 16 streams", 32, 16),
    Task("prefill, 520 tokens", 520),
)
Rates = dict[str, dict[str, list[float]]]


def measure(options: Options) -> Iterator[Table]:
    """Warm everybody up with each task, then a table after every round."""
    with contestants(options) as everybody:
        for task in TASKS:
            for contestant in everybody:
                task.rate(contestant)
        rates: Rates = {each.name: {task.name: [] for task in TASKS} for each in everybody}
        for repetition in range(options.times):
            say(f"rates: repetition {repetition + 1} of {options.times}")
            for task in TASKS:
                for contestant in everybody:
                    rates[contestant.name][task.name].append(task.rate(contestant))
            yield _table(rates, {each.name: each.told for each in everybody})


def _table(rates: Rates, told: Mapping[str, str]) -> Table:
    rows = [("what it computes with", *told.values(), "")]
    for task in TASKS:
        measured = [each[task.name] for each in rates.values()]
        rows.append((task.name, *map(spread, measured), ", ".join(_ratios(measured))))
    head = ("tokens per second: median (least to most)", *rates, "parley against each")
    return Table(head, tuple(rows), {"told": told, "tokens_per_second": rates})


def _ratios(measured: Sequence[Sequence[float]]) -> list[str]:
    return [f"{median(measured[0]) / median(theirs):.2f}x" for theirs in measured[1:]]
