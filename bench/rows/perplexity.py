"""What int8 costs in quality: the same English text read in int8 and in float32, by every real model that is here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from bench.engines import engine_over, folder_of
from bench.menu import Options
from bench.report import Table, say
from engine import Engine, LoadOptions
from engine.questions import Score

PIECES, CHARACTERS = 4, 4000
PRECISIONS = ("float32", "int8")
HEAD = ("perplexity", "tokens", *PRECISIONS, "int8 against float32")


def measure(options: Options) -> Iterator[Table]:
    """Score pieces of Python's help texts; the perplexity is that of all of their tokens together.

    Nothing is repeated: the same weights give the same figure again.
    """
    rows, measured = [], {}
    for model in (options.model, options.second):
        if not model.exists():
            rows.append((f"{model.name} is not there; --second names another", *[""] * (len(HEAD) - 1)))
        else:
            read, count = _both(model, options)
            rows.append((model.name, f"{count:,}", *(f"{each:.4f}" for each in read), f"{read[1] / read[0]:.4f}x"))
            measured[model.name] = dict(zip(PRECISIONS, read, strict=True)) | {"tokens": count}
        yield Table(HEAD, tuple(rows), measured)


def _both(model: Path, options: Options) -> tuple[list[float], int]:
    pieces = texts()[: 1 if options.short else PIECES]
    with folder_of(model) as (folder, (model_id,)), engine_over(folder, options) as engine:
        read = []
        for precision in PRECISIONS:
            say(f"perplexity: {model.name} in {precision}")
            perplexity, count = _read(engine, model_id, precision, pieces)
            read.append(perplexity)
    return read, count


def texts() -> list[str]:
    """English prose that every Python brings: what its help says, markup and all."""
    from pydoc_data.topics import topics

    whole = "\n".join(topics[name] for name in sorted(topics))
    return [whole[start : start + CHARACTERS] for start in range(0, PIECES * CHARACTERS, CHARACTERS)]


def _read(engine: Engine, model_id: str, precision: str, pieces: list[str]) -> tuple[float, int]:
    engine.load(model_id, LoadOptions(precision=precision))
    engine.wait_until_loaded(model_id)
    nats, count = 0.0, 0
    for text in pieces:
        scores = engine.ask(model_id, Score(text)).reply()
        nats += scores.nats
        count += sum(token.logprob is not None for token in scores.tokens)
    engine.unload(model_id)
    return math.exp(nats / count), count
