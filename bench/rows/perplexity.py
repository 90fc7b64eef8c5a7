"""What int8 costs in quality: the same English text read in int8 and in float32, by every real model that is here."""

from __future__ import annotations

import argparse
import math

from bench.contest import ROOT
from bench.engines import engine_over, folder_of
from bench.report import Table
from engine import Engine, LoadOptions
from engine.questions import Score

SECOND = ROOT / "checkpoints" / "gemma-3-270m" / "gemma-3-270m-q4_k_m.gguf"
PIECES, CHARACTERS = 4, 4000


def measure(options: argparse.Namespace) -> Table:
    """Score pieces of Python's help texts; the perplexity is that of all of their tokens together."""
    models = [model for model in (options.model, SECOND) if model.exists()]
    rows, measured = [], {}
    for model in models:
        with folder_of(model) as (folder, (model_id,)), engine_over(folder, options) as engine:
            read = {precision: _read(engine, model_id, precision, options) for precision in ("float32", "int8")}
        rows.append(
            (model.name, *(f"{value:.4f}" for value in read.values()), f"{read['int8'] / read['float32']:.4f}x")
        )
        measured[model.name] = read
    if len(models) < 2:
        rows.append(("a second model: docs/formats.md says how to get Gemma 3 270M", "", "", ""))
    return Table(("perplexity", "float32", "int8", "int8 against float32"), tuple(rows), measured)


def texts() -> list[str]:
    """English prose that every Python brings: what its help says, markup and all."""
    from pydoc_data.topics import topics

    whole = "\n".join(topics[name] for name in sorted(topics))
    return [whole[start : start + CHARACTERS] for start in range(0, PIECES * CHARACTERS, CHARACTERS)]


def _read(engine: Engine, model_id: str, precision: str, options: argparse.Namespace) -> float:
    engine.load(model_id, LoadOptions(precision=precision))
    engine.wait_until_loaded(model_id)
    nats, count = 0.0, 0
    for text in texts()[: 1 if options.short else PIECES]:
        scores = engine.ask(model_id, Score(text)).reply()
        nats += scores.nats
        count += sum(token.logprob is not None for token in scores.tokens)
    engine.unload(model_id)
    return math.exp(nats / count)
