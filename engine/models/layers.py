"""The parts that families share. A layer gets all that it reads as arguments; nothing is set beside the call."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
    """All sequences of a step, one after the other: `positions` is (T,), `rows` says whose tokens are whose."""

    positions: Tensor
    rows: tuple[Row, ...]


class Linear(nn.Module):
    """x W^T + b. The weight is (out, in); in int8 it is held as (in, out) with one scale for each output.

    The int8 product quantises each row of x by its largest magnitude while it runs, multiplies in integers and
    scales the sums back (per-token activations, per-channel weights, as in LLM.int8(), arXiv:2208.07339, §2).
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(outputs), requires_grad=False) if bias else None
        self.register_buffer("scale", None)

    @property
    def is_int8(self) -> bool:
        return self.scale is not None

    def quantise(self) -> None:
        """Replace the weight by its int8 form."""
        quantised, scale = quantise_rows(self.weight)  # (out, in), (out, 1)
        self.scale = scale[:, 0]
        self.weight = nn.Parameter(quantised.t(), requires_grad=False)

    def share(self, embedding: Embedding) -> None:
        """Use the embedding's table as the weight, as models with tied embeddings do."""
        if embedding.scale is None:
            self.weight = embedding.weight
        else:
            self.scale = embedding.scale[:, 0]
            self.weight = nn.Parameter(embedding.weight.t(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(T, in) -> (T, out)"""
        if not self.is_int8:
            return F.linear(x, self.weight, self.bias)
        return self.multiply_int8(*quantise_rows(x))

    def multiply_int8(self, quantised: Tensor, scale: Tensor) -> Tensor:
        """The product for rows that are quantised already: int8 (T, in) and (T, 1) -> float32 (T, out)"""
        y = torch._int_mm(quantised, self.weight).to(torch.float32)  # (T, out)
        y.mul_(scale).mul_(self.scale)
        return y if self.bias is None else y.add_(self.bias)


class Embedding(nn.Module):
    """A row of the table for each id. In int8 each row has its own scale."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, width), requires_grad=False)
        self.register_buffer("scale", None)

    def quantise(self) -> None:
        """Replace the table by its int8 form."""
        quantised, self.scale = quantise_rows(self.weight)
        self.weight = nn.Parameter(quantised, requires_grad=False)

    def forward(self, ids: Tensor) -> Tensor:
        """(T,) -> (T, width)"""
        rows = self.weight[ids]  # (T, width)
        return rows if self.scale is None else rows.float().mul_(self.scale[ids])


def quantise_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """(T, in) float -> int8 (T, in) and the rows' scales (T, 1)"""
    scale = x.abs().amax(dim=-1, keepdim=True).mul_(1 / 127.0).clamp_min_(1e-12)  # (T, 1)
    return torch.round(x / scale).to(torch.int8), scale


def fuse(parts: list[Linear]) -> Linear:
    """One layer whose outputs are those of the parts, one after the other; the parts give up their weights."""
    fused = Linear(0, 0)
    across = 1 if parts[0].is_int8 else 0
    weight = torch.cat([part.weight for part in parts], dim=across)
    if parts[0].is_int8:
        weight = weight.t().contiguous().t()
        fused.scale = torch.cat([part.scale for part in parts])
    fused.weight = nn.Parameter(weight, requires_grad=False)
    if parts[0].bias is not None:
        fused.bias = nn.Parameter(torch.cat([part.bias for part in parts]), requires_grad=False)
    return fused


class RMSNorm(nn.Module):
    """x / rms(x) * w, the mean square taken in float32 (arXiv:1910.07467)."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width), requires_grad=False)
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)"""
        wide = x.float()
        mean_square = wide.square().mean(dim=-1, keepdim=True)  # (..., 1)
        return self.weight * (wide * torch.rsqrt(mean_square.add_(self.epsilon))).to(x.dtype)


def attend(queries: Tensor, row: Row, layer: int, scale: float) -> Tensor:
    """Causal attention of one sequence's new tokens over its cache: (count, heads, D) -> (count, heads * D)

    The keys and values of these tokens must be in the cache already.
    """
    count, heads, width = queries.shape
    length = row.start + row.count
    keys, values = row.cache[layer, :, :, :length]  # each (kv_heads, length, D)
    kv_heads = keys.shape[0]
    if count == 1:
        grouped = queries.view(kv_heads, heads // kv_heads, width) * scale  # (kv_heads, group, D)
        weights = torch.softmax(grouped @ keys.transpose(1, 2), dim=-1)  # (kv_heads, group, length)
        return (weights @ values).reshape(1, heads * width)
    mask = None
    if row.start:
        mask = torch.ones(count, length, dtype=torch.bool, device=queries.device).tril_(row.start)  # (count, length)
    attended = F.scaled_dot_product_attention(
        queries.transpose(0, 1)[None],
        keys[None],
        values[None],
        attn_mask=mask,
        is_causal=mask is None,
        scale=scale,
        enable_gqa=heads != kv_heads,
    )  # (1, heads, count, D)
    return attended[0].transpose(0, 1).reshape(count, heads * width)
