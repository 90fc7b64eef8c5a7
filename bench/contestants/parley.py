"""Parley's own loader and runner, without the server."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "20000")  # As the server sets it for its workers.

from bench.contestants.serve import serve
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from engine.request import SamplingParams
from engine.runner import Runner
from engine.scheduler import Span
from engine.sequence import Clock, Sequence

PROMPT = 16
CHUNK = 256
PRECISION = os.environ.get("BENCH_PRECISION", "auto")


class Parley:
    def __init__(self, loaded: Loaded) -> None:
        self._known: Sequence | None = None
        self._runner = Runner(loaded.model, loaded.cache, loaded.device, loaded.kernels)

    def prefill(self, tokens: int) -> None:
        sequence = _sequence(0, tokens)
        for start in range(0, tokens, CHUNK):
            self._runner.run([Span(sequence, start, min(CHUNK, tokens - start))])

    def decode(self, streams: int, tokens: int) -> None:
        sequences = [_sequence(slot, PROMPT) for slot in range(streams)]
        logits = self._runner.run([Span(each, 0, PROMPT) for each in sequences])
        for _ in range(tokens):
            for sequence, token in zip(sequences, logits.argmax(-1).tolist(), strict=True):
                sequence.output_ids.append(token)
            logits = self._runner.run([Span(each, each.length - 1, 1) for each in sequences])

    def behind(self, context: int, tokens: int) -> None:
        """Compute so many tokens of one answer behind a context of this length, which is computed once and kept.

        So the first time is to warm up, and to be left out.
        """
        if self._known is None or len(self._known.prompt_ids) != context:
            self.prefill(context)
            self._known = _sequence(0, context)
        self._known.output_ids = [2000]
        for token in range(tokens):
            self._runner.run([Span(self._known, self._known.length - 1, 1)])
            self._known.output_ids.append(2000 + token)


def _sequence(slot: int, tokens: int) -> Sequence:
    made = Sequence(
        str(slot), [1000 + place % 10_000 for place in range(tokens)], SamplingParams(seed=0), 4096, Clock(0.0)
    )
    made.slot = slot
    return made


def load(model: str, threads: int) -> Parley:
    cache = Path(tempfile.gettempdir()) / "parley-bench"
    plan = LoadPlan("bench", Path(model), "gguf", PRECISION, "cpu", threads, None, cache, max_running=64)
    return Parley(load_model(plan, lambda stage, fraction: None))


if __name__ == "__main__":
    serve(load)
