"""A batch of spans -> tensors -> logits. All it needs comes as arguments; it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import torch
from torch import Tensor, nn

from engine.cache import FixedCache, KVCache
from engine.fixed_steps import FixedSteps
from engine.models.layers import Batch, Row
from engine.native.kernels import Kernels, Places
from engine.scheduler import Span


class Runner:
    """One model on one device with its cache."""

    def __init__(self, model: nn.Module, cache: KVCache, device: torch.device, kernels: Kernels | None = None) -> None:
        self._model = model
        self._cache = cache
        self._device = device
        self._kernels = kernels
        is_fixed = isinstance(cache, FixedCache) and model.has_fixed_steps
        self._fixed = FixedSteps(model, cache, device) if is_fixed else None

    @torch.inference_mode()
    def run(self, spans: Sequence[Span]) -> Tensor:
        """Compute the spans; float32 logits (N, vocab_size): a row for each last span and one for each guess in it.

        They are good until the next step is computed.
        """
        steady = [] if self._fixed is None else list(takewhile(lambda span: span.is_last and span.count == 1, spans))
        if not steady:
            return self._ordinary(spans)
        logits, rest = self._fixed.run(steady), spans[len(steady) :]
        others = self._ordinary(rest) if rest else torch.empty(0, 0)
        return torch.cat((logits, others)) if len(others) else logits

    def _ordinary(self, spans: Sequence[Span]) -> Tensor:
        ids: list[int] = []
        positions: list[int] = []
        rows: list[Row] = []
        wanted: list[int] = []
        for span in spans:
            cache = self._cache.slot(span.sequence.slot, span.start + span.count)
            rows.append(Row(cache, len(ids), span.start, span.count))
            ids += span.sequence.ids_from(span.start, span.count)
            positions += range(span.start, span.start + span.count)
            if span.is_last:
                wanted += range(len(ids) - 1 - span.guessed, len(ids))
        places_of_tokens = torch.tensor(positions, device=self._device)  # (T,)
        batch = Batch(places_of_tokens, tuple(rows), self._places(rows, places_of_tokens))
        hidden = self._model(torch.tensor(ids, device=self._device), batch)  # (T, hidden)
        if not wanted:
            return torch.empty(0, 0)
        return self._model.logits(hidden[torch.tensor(wanted, device=self._device)])  # (N, vocab_size)

    def _places(self, rows: Sequence[Row], positions: Tensor) -> Places | None:
        if self._kernels is None:
            return None
        return Places(self._kernels, [row.cache for row in rows], [row.count for row in rows], positions)
