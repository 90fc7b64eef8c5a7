"""How speed changes with the length of the context and with the number of streams: two pictures and their figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.children import ROOT
from bench.contest import Contestant, contestants
from bench.menu import Options
from bench.plot import Curve, picture
from bench.report import Table, say, spread

CONTEXTS, STREAMS = (1, 512, 1024, 2048, 4096, 8000), (1, 2, 4, 8, 16, 32, 64)
SHORT_CONTEXTS, SHORT_STREAMS = (1, 256, 512), (1, 2, 4)
TOKENS, PROMPT = 16, 16
PICTURES = ROOT / "docs" / "performance"
# transformers would take most of the time, and is a line at the bottom.
WITHOUT = ("transformers_float32",)
Values = dict[str, dict[int, list[float]]]


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture: what is counted below it, and what a contestant begins with for a count."""

    name: str
    title: str
    below: str
    counted: str
    counts: Sequence[int]

    def beginning(self, count: int) -> dict[str, int]:
        """The order to begin with."""
        return {"streams": 1, "context": PROMPT} | {self.counted: count}


def measure(options: Options) -> Iterator[Table]:
    """Decode behind ever longer contexts, then for ever more streams. Short runs draw beside their results."""
    contexts, streams = (SHORT_CONTEXTS, SHORT_STREAMS) if options.short else (CONTEXTS, STREAMS)
    plots = (
        Plot("context", "One answer, by what stands before it", "tokens of context", "context", contexts),
        Plot("streams", "All answers together, by their number", "answers at once", "streams", streams),
    )
    folder = options.results if options.short else PICTURES
    found: dict[str, Values] = {}
    with contestants(options, WITHOUT) as everybody:
        for plot in plots:
            found[plot.name] = {each.name: {} for each in everybody}
            for count in plot.counts:
                say(f"growth: {count:,} {plot.below}")
                _take_turns(everybody, plot, count, found[plot.name], options.times)
                yield _table(plots, found, everybody)
            _draw(folder / f"{plot.name}.png", plot, found[plot.name], options)


def _take_turns(everybody: Sequence[Contestant], plot: Plot, count: int, values: Values, times: int) -> None:
    """What stands before the tokens is computed once, before the clock starts; the first round is to warm up."""
    order = plot.beginning(count)
    for each in everybody:
        each.do("begin", **order)
        each.do("decode", tokens=TOKENS)
        values[each.name][count] = []
    for _ in range(times):
        for each in everybody:
            values[each.name][count].append(order["streams"] * TOKENS / each.do("decode", tokens=TOKENS))


def _draw(file: Path, plot: Plot, values: Values, options: Options) -> None:
    curves = [Curve(name, each) for name, each in values.items()]
    said = f"{options.model.stem}, {options.threads} threads; the bars reach from the least to the most"
    picture(file, plot.title, said, plot.below, curves)
    say(f"growth: drawn as {file}")


def _table(plots: Sequence[Plot], found: dict[str, Values], everybody: Sequence[Contestant]) -> Table:
    names = [each.name for each in everybody]
    rows = [("what it computes with", *(each.told for each in everybody), "")]
    for plot in plots:
        if plot.name not in found:
            continue
        for count in found[plot.name][names[0]]:
            rates = [found[plot.name][name][count] for name in names]
            ratios = [f"{median(rates[0]) / median(theirs):.2f}x" for theirs in rates[1:]]
            rows.append((f"{count:,} {plot.below}", *map(spread, rates), ", ".join(ratios)))
    return Table(("decoding, tokens/s of all answers", *names, "parley against it"), tuple(rows), found)
