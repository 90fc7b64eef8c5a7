"""Steps of one token for each sequence by fixed shapes: on CUDA recorded once as a graph and then played.

Played, a step is one launch in place of hundreds. On other devices the same steps run operation by operation, which is
how tests hold them against the ordinary ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from engine.cache import FixedCache
from engine.models.fixed import FixedPlaces
from engine.models.layers import Batch
from engine.scheduler import Span

logger = logging.getLogger(__name__)

Compute = Callable[[], Tensor]
Record = Callable[[Compute], Compute]
# The first runs of a step choose algorithms and take workspaces, which cannot be recorded.
RUNS_BEFORE_RECORDING = 2


class FixedSteps:
    """The steps of one model, one for each number of sequences and of places that was needed, both rounded up.

    `record` turns a computation over tensors that stay where they are into one that is played.
    """

    def __init__(self, model: nn.Module, cache: FixedCache, device: torch.device, record: Record | None = None) -> None:
        self._model = model
        self._cache = cache
        self._device = device
        self._record = record or recorder_for(device)
        self._steps: dict[tuple[int, int], _Step] = {}

    def run(self, spans: Sequence[Span]) -> Tensor:
        """The last token of each span's sequence: float32 logits (N, vocab_size), good until the next step."""
        shape = _doubled(1, len(spans)), self._cache.places(max(span.start for span in spans) + 1)
        if shape not in self._steps:
            self._steps[shape] = _Step(self._model, self._cache, shape, self._device)
        step = self._steps[shape]
        nobodys = [0] * (shape[0] - len(spans))
        ids = [span.sequence.ids_from(span.start, 1)[0] for span in spans]
        slots = [span.sequence.slot for span in spans] + [self._cache.spare for _ in nobodys]
        step.take([ids + nobodys, slots, [span.start for span in spans] + nobodys])
        if step.play is None:
            step.play = self._recorded(step.compute)
        return step.play()[: len(spans)]

    def _recorded(self, compute: Compute) -> Compute:
        try:
            return self._record(compute)
        except RuntimeError as error:
            logger.warning("steps of this model cannot be recorded and run operation by operation: %s", error)
            self._record = as_it_is
            return compute


class _Step:
    """One shape of step over tensors that stay where they are; `play` computes it from what was taken last."""

    def __init__(self, model: nn.Module, cache: FixedCache, shape: tuple[int, int], device: torch.device) -> None:
        rows, places = shape
        self._model = model
        self._given = torch.zeros(3, rows, dtype=torch.int64, pin_memory=device.type == "cuda")
        self._inputs = self._given.to(device, copy=True)  # (3, B)
        self._ids, slots, positions = self._inputs  # each (B,)
        self._batch = Batch(positions, (), fixed=FixedPlaces(cache.whole, slots, positions, places))
        self.play: Compute | None = None

    def take(self, columns: list[list[int]]) -> None:
        """Ids, slots and positions of B tokens."""
        # Who took the last logits has waited for them, so nothing still reads what is written here.
        self._given.copy_(torch.tensor(columns))
        self._inputs.copy_(self._given, non_blocking=True)

    def compute(self) -> Tensor:
        """The logits, (B, vocab_size)."""
        return self._model.logits(self._model(self._ids, self._batch))


def recorder_for(device: torch.device) -> Record:
    """How steps are recorded on a device: as CUDA graphs that share their memory, or not at all."""
    if device.type != "cuda":
        return as_it_is
    memory = torch.cuda.graph_pool_handle()
    return lambda compute: _graph_of(compute, memory)


def as_it_is(compute: Compute) -> Compute:
    """Played by computing it."""
    return compute


def _graph_of(compute: Compute, memory: tuple[int, int]) -> Compute:
    """Raises RuntimeError for what cannot be recorded."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(RUNS_BEFORE_RECORDING):
            compute()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=memory, capture_error_mode="thread_local"):
        logits = compute()  # (B, vocab_size): every playing writes it anew

    def play() -> Tensor:
        graph.replay()
        return logits

    return play


def _doubled(smallest: int, wanted: int) -> int:
    while smallest < wanted:
        smallest *= 2
    return smallest
