"""The parts that families share. A layer gets all that it reads as arguments; nothing is set beside the call."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.fixed import FixedPlaces
from engine.native.kernels import BLOCK, GROUP, Kernels, Packed, Places


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence's part of a batch: tokens `first` to `first + count` of the batch stand at `start` and on.

    `cache` is the sequence's slot, (layers, 2, kv_heads, capacity, head_dim).
    """

    cache: Tensor
    first: int
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class Batch:
    """All sequences of a step, one after the other: `positions` is (T,), `rows` says whose tokens are whose.

    Where the kernels can attend, `places` says where the keys and values of each token go; in a step of one token a
    sequence by fixed shapes `fixed` does, and there are no `rows`.
    """

    positions: Tensor
    rows: tuple[Row, ...]
    places: Places | None = None
    fixed: FixedPlaces | None = None


class Linear(nn.Module):
    """x W^T + b. The weight is (out, in), or in blocks once `quantise` has packed it; then x is quantised too."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = False) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.weight = nn.Parameter(torch.empty(outputs, inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(outputs), requires_grad=False) if bias else None
        self.packed: Packed | None = None
        self.kernels: Kernels | None = None

    def quantise(self, kernels: Kernels) -> None:
        """Pack the weight. One whose inputs do not fill whole blocks stays as it is."""
        if self.inputs % BLOCK == 0:
            self.packed, self.kernels = kernels.pack(self.weight.contiguous()), kernels
            self.weight = nn.Parameter(torch.empty(0), requires_grad=False)

    def share(self, embedding: Embedding) -> None:
        """Use the embedding's table as the weight, as models with tied embeddings do."""
        self.weight, self.packed, self.kernels = embedding.weight, embedding.packed, embedding.kernels

    def forward(self, x: Tensor) -> Tensor:
        """(T, in) -> (T, out)"""
        if self.packed is None:
            return F.linear(x, self.weight, self.bias)
        return self.kernels.linear(x.contiguous(), self.packed, self.bias)


class Embedding(nn.Module):
    """A row of the table for each id. The table is (count, width), or in blocks once `quantise` has packed it."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.empty(count, width), requires_grad=False)
        self.packed: Packed | None = None
        self.kernels: Kernels | None = None

    def quantise(self, kernels: Kernels) -> None:
        """Pack the table. One whose width does not fill whole blocks stays as it is."""
        if self.width % BLOCK == 0:
            self.packed, self.kernels = kernels.pack(self.weight.contiguous()), kernels
            self.weight = nn.Parameter(torch.empty(0), requires_grad=False)

    def forward(self, ids: Tensor) -> Tensor:
        """(T,) -> (T, width)"""
        if self.packed is None:
            return self.weight[ids]
        return self.kernels.unpack_rows(self.packed, ids)


def fuse(parts: list[Linear]) -> Linear:
    """One layer whose outputs are those of the parts, one after the other; the parts give up their weights."""
    fused = Linear(0, 0)
    fused.inputs, fused.outputs = parts[0].inputs, sum(part.outputs for part in parts)
    if parts[0].packed is None:
        fused.weight = nn.Parameter(torch.cat([part.weight for part in parts]), requires_grad=False)
    else:
        fused.packed, fused.kernels = _join(parts), parts[0].kernels
        fused.weight = parts[0].weight
    if parts[0].bias is not None:
        fused.bias = nn.Parameter(torch.cat([part.bias for part in parts]), requires_grad=False)
    return fused


def _join(parts: list[Linear]) -> Packed:
    """The packed parts as one: side by side where they are alike and fill whole groups, else packed again."""
    kernels, packed = parts[0].kernels, [part.packed for part in parts]
    alike = len({each.bits for each in packed}) == 1
    if alike and all(each.outputs % GROUP == 0 for each in packed):
        data = torch.cat([each.data for each in packed])
        return replace(packed[0], data=data, outputs=sum(each.outputs for each in packed))
    rows = [kernels.unpack_rows(each, torch.arange(each.outputs)) for each in packed]
    return kernels.pack(torch.cat(rows))


class RMSNorm(nn.Module):
    """x / rms(x) * w, the mean square taken in float32 (arXiv:1910.07467)."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width), requires_grad=False)
        self.epsilon = epsilon
        self.kernels: Kernels | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)"""
        if self.kernels is not None:
            return self.kernels.rms_norm(x.contiguous(), self.weight, self.epsilon)
        wide = x.float()
        mean_square = wide.square().mean(dim=-1, keepdim=True)  # (..., 1)
        return self.weight * (wide * torch.rsqrt(mean_square.add_(self.epsilon))).to(x.dtype)
