"""What clients of a real server see when 1, 8, 32 and 96 of them ask at once."""

from __future__ import annotations

import argparse
from statistics import median
from typing import Any

from bench.engines import LASTING, folder_of
from bench.report import Table, share, spread
from bench.serving import Server, Stream, listen, serving

CLIENTS, TOKENS = (1, 8, 32, 96), 64
TOPICS = ("the sea", "bread", "old maps", "snow", "trains", "bees", "clocks", "a garden in spring")


def measure(options: argparse.Namespace) -> Table:
    """Each client asks its own question; all of them at the same moment."""
    counts, tokens = (CLIENTS[:2], 8) if options.short else (CLIENTS, TOKENS)
    rows, measured = [], {}
    with folder_of(options.model) as (folder, (model,)):
        flags = ["--checkpoints", str(folder), "--cache-directory", str(LASTING), "--threads", str(options.threads)]
        with serving("chat", *flags) as server:
            server.load(model)
            for count in counts:
                crowd(server, model, 1, tokens)
                streams = crowd(server, model, count, tokens)
                rows.append(_row(count, streams))
                measured[str(count)] = figures(streams)
    head = ("clients", "first token, ms", "gap p50, ms", "gap p99, ms", "p99 / p50", "tokens/s, all", "answered")
    return Table(head, tuple(rows), measured)


def crowd(server: Server, model: str, count: int, tokens: int) -> list[Stream]:
    """So many clients at once, each with a question of its own."""
    return listen(
        server,
        [
            {
                "model": model,
                "messages": [
                    {"role": "user", "content": f"Letter {number}: tell me of {TOPICS[number % len(TOPICS)]}."}
                ],
                "max_new_tokens": tokens,
                "seed": number,
            }
            for number in range(count)
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


def _row(count: int, streams: list[Stream]) -> tuple[str, ...]:
    found = figures(streams)
    half, most = median(found["gaps_ms"]), share(found["gaps_ms"], 0.99)
    return (
        str(count),
        spread(found["first_token_ms"], 0),
        f"{half:.1f}",
        f"{most:.1f}",
        f"{most / half:.2f}x",
        f"{found['tokens_per_second']:.1f}",
        f"{found['answered']} of {count}",
    )
