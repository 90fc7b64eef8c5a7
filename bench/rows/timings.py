"""What `done` and the status say of an answer's times, against a stopwatch that knows only the events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.menu import Options
from bench.report import Table, say, spread
from bench.rows.server import serving_model
from bench.serving import Server, Stream, listen

PROMPT_WORDS, TOKENS = 700, 200
NAMES = ("queue_ms", "prefill_ms", "time_to_first_token_ms", "decode_ms", "tokens_per_second")


@dataclass(frozen=True, slots=True)
class Compared:
    """The same times as the server tells them and as they were seen outside."""

    told: dict[str, float]
    seen: dict[str, float]


def measure(options: Options) -> Iterator[Table]:
    """One long prompt that waits for others in the queue, so that each of its times is worth looking at."""
    words, tokens = (40, 8) if options.short else (PROMPT_WORDS, TOKENS)
    compared: list[Compared] = []
    with serving_model(options) as (server, model):
        for number in range(options.times + 1):
            say(f"timings: repetition {number} of {options.times}, 0 is to warm up")
            both = compare(server, model, words, tokens, number)
            if number:
                compared.append(both)
                yield _table(compared)


def _table(compared: Sequence[Compared]) -> Table:
    rows = []
    for name in NAMES:
        told, seen = ([getattr(each, kind)[name] for each in compared] for kind in ("told", "seen"))
        ratios = [each.told[name] / each.seen[name] for each in compared if each.seen[name]]
        rows.append((name, spread(told), spread(seen), f"{spread(ratios, 3)}x" if ratios else "never waited"))
    measured = {"told": [each.told for each in compared], "seen": [each.seen for each in compared]}
    return Table(("", "told by the server", "stopwatch outside", "told against seen"), tuple(rows), measured)


def compare(server: Server, model: str, words: int, tokens: int, number: int, others: int = 24) -> Compared:
    """Ask behind `others` short requests; the times of the last one."""
    prompt = " ".join(f"{number} {word}" for word in range(words))
    short = [{"model": model, "prompt": f"{number} {each}", "max_new_tokens": 8} for each in range(others)]
    streams = listen(server, [*short, {"model": model, "prompt": prompt, "max_new_tokens": tokens, "temperature": 0}])
    return Compared(streams[-1].events[-1][2]["timings"], seen(streams[-1]))


def seen(stream: Stream) -> dict[str, Any]:
    """The times that the events of a stream tell by when they came."""
    started, first, done = stream.of("start")[0][0], stream.of("token")[0][0], stream.events[-1]
    decoded = done[2]["usage"]["completion_tokens"] - 1
    return {
        "queue_ms": 1000 * (started - stream.sent),
        "prefill_ms": 1000 * (first - started),
        "time_to_first_token_ms": 1000 * (first - stream.sent),
        "decode_ms": 1000 * (done[0] - first),
        "tokens_per_second": decoded / (done[0] - first),
    }
