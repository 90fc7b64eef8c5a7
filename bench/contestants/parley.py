"""Parley's own loader and runner, without the server."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.contestants.serve import serve
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from engine.request import SamplingParams
from engine.runner import Runner
from engine.scheduler import Span
from engine.sequence import Clock, Sequence

CHUNK = 256
MOST_STREAMS = 64


class Parley:
    """The model of a plan's file, and the sequences that were begun last."""

    def __init__(self, loaded: Loaded, told: str = "") -> None:
        self.told = told
        self._runner = Runner(loaded.model, loaded.cache, loaded.device, loaded.kernels)
        self._sequences: list[Sequence] = []

    def prefill(self, tokens: int) -> None:
        """Compute a prompt, in the chunks that the server computes."""
        self._read([_sequence(0, tokens)])

    def begin(self, streams: int, context: int) -> None:
        """Compute the prompts, and take the first token of each answer."""
        self._sequences = [_sequence(slot, context) for slot in range(streams)]
        self._say(self._read(self._sequences))

    def decode(self, tokens: int) -> None:
        """One step after another, for all sequences together."""
        for _ in range(tokens):
            self._say(self._runner.run([Span(each, each.length - 1, 1) for each in self._sequences]))

    def _read(self, sequences: list[Sequence]) -> list[int]:
        """The newest tokens behind the prompts: as many sequences at once as make a chunk, or a long one in chunks."""
        newest: list[int] = []
        length = sequences[0].length
        at_once = max(1, CHUNK // length)
        for first in range(0, len(sequences), at_once):
            some = sequences[first : first + at_once]
            for start in range(0, length, CHUNK):
                logits = self._runner.run([Span(each, start, min(CHUNK, length - start)) for each in some])
            newest += logits.argmax(-1).tolist()
        return newest

    def _say(self, newest: object) -> None:
        tokens = newest if isinstance(newest, list) else newest.argmax(-1).tolist()
        for sequence, token in zip(self._sequences, tokens, strict=True):
            sequence.output_ids.append(token)


def _sequence(slot: int, tokens: int) -> Sequence:
    prompt = [1000 + place % 10_000 for place in range(tokens)]
    made = Sequence(str(slot), prompt, SamplingParams(seed=0), tokens + 4096, Clock(0.0))
    made.slot = slot
    return made


def load(model: str, threads: int) -> Parley:
    """The file with `auto` precision, as the server loads it."""
    cache = Path(tempfile.gettempdir()) / "parley-bench"
    plan = LoadPlan("bench", Path(model), "gguf", "auto", "cpu", threads, None, cache, max_running=MOST_STREAMS)
    loaded = load_model(plan, lambda stage, fraction: None)
    return Parley(loaded, f"{loaded.precision}, file of {Path(model).stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    serve(load)
