"""What clients of a real server see when 1, 8, 32 and 96 of them ask at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.engines import LASTING, folder_of
from bench.menu import Options
from bench.report import Table, say, share, spread
from bench.serving import Server, Stream, listen, serving

CLIENTS, TOKENS = (1, 8, 32, 96), 64
TOPICS = ("the sea", "bread", "old maps", "snow", "trains", "bees", "clocks", "a garden in spring")
HEAD = ("clients", "first token, ms", "gap p50, ms", "gap p99, ms", "p99 / p50", "tokens/s, all", "answered")


def measure(options: Options) -> Iterator[Table]:
    """Each client asks its own question; all of them at the same moment. The counts take turns."""
    counts, tokens = (CLIENTS[:2], 8) if options.short else (CLIENTS, TOKENS)
    found: dict[int, list[dict[str, Any]]] = {count: [] for count in counts}
    with serving_model(options) as (server, model):
        crowd(server, model, counts[-1], tokens, 0)
        for repetition in range(1, options.times + 1):
            for count in counts:
                say(f"server: repetition {repetition} of {options.times}, {count} clients")
                found[count].append(figures(crowd(server, model, count, tokens, repetition)))
            rows = tuple(_row(count, each) for count, each in found.items())
            yield Table(HEAD, rows, {str(count): each for count, each in found.items()})


@contextmanager
def serving_model(options: Options) -> Iterator[tuple[Server, str]]:
    """A real server with the model loaded, and the model's id."""
    with folder_of(options.model) as (folder, (model,)):
        flags = ["--checkpoints", str(folder), "--cache-directory", str(LASTING), "--threads", str(options.threads)]
        with serving("chat", *flags) as server:
            server.load(model)
            yield server, model


def crowd(server: Server, model: str, count: int, tokens: int, round_number: int = 0) -> list[Stream]:
    """So many clients at once, each with a question of its own that no other round asks."""
    asked = (f"Letter {round_number}-{number}: tell me of {TOPICS[number % len(TOPICS)]}." for number in range(count))
    return listen(
        server,
        [
            {
                "model": model,
                "messages": [{"role": "user", "content": question}],
                "max_new_tokens": tokens,
                "seed": number,
            }
            for number, question in enumerate(asked)
        ],
    )


def figures(streams: list[Stream]) -> dict[str, Any]:
    """First tokens and gaps in milliseconds, and the tokens per second of all together."""
    answered = [stream for stream in streams if stream.last == "done"]
    tokens = sum(stream.events[-1][2]["usage"]["completion_tokens"] for stream in answered)
    seconds = max(stream.events[-1][0] for stream in streams) - min(stream.sent for stream in streams)
    return {
        "first_token_ms": [1000 * (stream.of("token")[0][0] - stream.sent) for stream in answered],
        "gaps_ms": [1000 * gap for stream in answered for gap in stream.gaps()],
        "tokens_per_second": tokens / seconds,
        "answered": len(answered),
    }


def _row(count: int, repetitions: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    firsts = [each for one in repetitions for each in one["first_token_ms"]]
    halves = [median(one["gaps_ms"]) for one in repetitions]
    mosts = [share(one["gaps_ms"], 0.99) for one in repetitions]
    return (
        str(count),
        spread(firsts, 0),
        spread(halves),
        spread(mosts),
        f"{median(mosts) / median(halves):.2f}x",
        spread([one["tokens_per_second"] for one in repetitions]),
        f"{sum(one['answered'] for one in repetitions)} of {count * len(repetitions)}",
    )
