"""How even the beat is: gaps between events of answers that come at about twenty tokens per second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from bench.menu import Options
from bench.report import Table, say, share, spread
from bench.rows.server import TOPICS, serving_model
from bench.serving import Server, Stream, listen, serving

PACE, TOKENS = 20, 100
COUNTS = (1, 16)
HEAD = (
    "gaps between token events while all are answered", "events/s, each", "gaps", "p50, ms", "p99, ms", "longest, ms",
    "p99 / p50", "by repetition",
)  # fmt: skip
Rounds = dict[str, list[list[float]]]


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
        _tell_stories(server, model, max(COUNTS), tokens, 0)
        for number in range(1, options.times + 1):
            for count in COUNTS:
                say(f"beat: with the model, repetition {number} of {options.times}, {count} clients")
                streams = _tell_stories(server, model, count, tokens, number)
                _note(found, f"{options.model.name}, {count} clients", streams)
            yield _table(found)


def even_gaps(streams: Sequence[Stream]) -> list[float]:
    """Milliseconds between events, from when the last stream has begun to when the first ends.

    Before and after, prompts are read and fewer are answered: those gaps are different, not uneven.
    """
    times = [[at for at, _ in stream.of("token")] for stream in streams]
    begun, over = max(each[0] for each in times), min(each[-1] for each in times)
    return [
        1000 * (after - before)
        for each in times
        for before, after in pairwise(each)
        if before >= begun and after <= over
    ]


def _tell_stories(server: Server, model: str, count: int, tokens: int, number: int) -> list[Stream]:
    """Raw beginnings: a text goes on, where an answer would soon be over."""
    told: list[dict[str, Any]] = [
        {
            "model": model,
            "prompt": f"Chapter {number + 1}, {each}. This is the long story of {TOPICS[each % len(TOPICS)]}, and",
            "max_new_tokens": tokens,
            "seed": each,
        }
        for each in range(count)
    ]
    return listen(server, told)


def _note(found: Rounds, name: str, streams: Sequence[Stream]) -> None:
    found.setdefault(name, []).append(even_gaps(streams))


def _table(found: Rounds) -> Table:
    return Table(HEAD, tuple(_row(name, rounds) for name, rounds in found.items()), {"gaps_ms": found})


def _row(name: str, rounds: Sequence[Sequence[float]]) -> tuple[str, ...]:
    gaps = [gap for each in rounds for gap in each]
    if not gaps:
        return (name, *[""] * (len(HEAD) - 2), "an answer was over before all had begun")
    half, most = median(gaps), share(gaps, 0.99)
    ratios = [share(each, 0.99) / median(each) for each in rounds if each]
    pace, longest = 1000 * len(gaps) / sum(gaps), max(gaps)
    figures = (f"{pace:.1f}", f"{len(gaps):,}", f"{half:.1f}", f"{most:.1f}", f"{longest:.1f}", f"{most / half:.2f}x")
    return (name, *figures, f"{spread(ratios, 2)}x")
