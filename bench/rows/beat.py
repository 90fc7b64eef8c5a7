"""How even the beat is: gaps between events of answers that come at about twenty tokens per second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from bench.menu import Options
from bench.report import Table, say, share, spread
from bench.rows.server import serving_model
from bench.serving import Server, Stream, listen, serving

PACE, TOKENS = 20, 100
COUNTS = (1, 16)
HEAD = (
    "gaps between token events while all are answered", "events/s, each", "gaps", "p50, ms", "p99, ms", "longest, ms",
    "p99 / p50", "by repetition", "with beginnings and ends",
)  # fmt: skip
Gaps = list[float]
# Of each repetition: the gaps while all are answered, and all gaps.
Rounds = dict[str, list[tuple[Gaps, Gaps]]]


def measure(options: Options) -> Iterator[Table]:
    """The server alone, over an engine that keeps the pace by a clock, and with the model as fast as it is."""
    tokens = 20 if options.short else TOKENS
    found: Rounds = {}
    paced = {"prompt": "Count", "max_new_tokens": tokens}
    with serving("bench.paced", "--token-seconds", str(1 / PACE)) as server:
        listen(server, [paced])
        for number in range(options.times):
            for count in COUNTS:
                say(f"beat: the server alone, repetition {number + 1} of {options.times}, {count} clients")
                _note(found, f"server alone, {count} clients", listen(server, [paced] * count))
            yield _table(found)
    with serving_model(options) as (server, model):
        _count_on(server, model, max(COUNTS), tokens, 0)
        for number in range(1, options.times + 1):
            for count in COUNTS:
                say(f"beat: with the model, repetition {number} of {options.times}, {count} clients")
                streams = _count_on(server, model, count, tokens, number)
                _note(found, f"{options.model.name}, {count} clients", streams)
            yield _table(found)


def even_gaps(streams: Sequence[Stream]) -> Gaps:
    """Milliseconds between events, from when the last stream has begun to when the first ends.

    Before and after, others' prompts are read and fewer are answered: those gaps are different, not uneven.
    """
    times = [[at for at, _ in stream.of("token")] for stream in streams]
    begun, over = max(each[0] for each in times), min(each[-1] for each in times)
    return [
        1000 * (after - before)
        for each in times
        for before, after in pairwise(each)
        if before >= begun and after <= over
    ]


def _count_on(server: Server, model: str, count: int, tokens: int, number: int) -> list[Stream]:
    """Beginnings of a sequence of numbers: a model counts on, where another answer might soon be over."""
    firsts = [100 * number + 7 * each + 11 for each in range(count)]
    return listen(
        server,
        [
            {
                "model": model,
                "prompt": ", ".join(str(first + more) for more in range(12)) + ",",
                "max_new_tokens": tokens,
                "seed": first,
            }
            for first in firsts
        ],
    )


def _note(found: Rounds, name: str, streams: Sequence[Stream]) -> None:
    every = [1000 * gap for stream in streams for gap in stream.gaps()]
    found.setdefault(name, []).append((even_gaps(streams), every))


def _table(found: Rounds) -> Table:
    return Table(HEAD, tuple(_row(name, rounds) for name, rounds in found.items()), {"gaps_ms": found})


def _row(name: str, rounds: Sequence[tuple[Gaps, Gaps]]) -> tuple[str, ...]:
    gaps = [gap for even, _ in rounds for gap in even]
    if not gaps:
        return (name, *[""] * (len(HEAD) - 2), "an answer was over before all had begun")
    ratios = [_ratio(even) for even, _ in rounds if even]
    return (
        name,
        f"{1000 * len(gaps) / sum(gaps):.1f}",
        f"{len(gaps):,}",
        f"{median(gaps):.1f}",
        f"{share(gaps, 0.99):.1f}",
        f"{max(gaps):.1f}",
        f"{_ratio(gaps):.2f}x",
        f"{spread(ratios, 2)}x",
        f"{_ratio([gap for _, every in rounds for gap in every]):.2f}x",
    )


def _ratio(gaps: Gaps) -> float:
    return share(gaps, 0.99) / median(gaps)
