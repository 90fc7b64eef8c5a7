"""Attention whose queries and keys are normed before they are turned, head by head or all heads at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.models.attention import Attention
from engine.models.config import Sizes
from engine.models.rope import Rotation

Norm = Callable[[int, float], nn.Module]


class HeadNormAttention(Attention):
    """Each head of queries and keys is normed by itself (arXiv:2302.05442, §2.1)."""

    def __init__(
        self, sizes: Sizes, layer: int, norm: Norm, epsilon: float, *, bias: bool = False, output_bias: bool = False
    ) -> None:
        super().__init__(sizes, layer, bias=bias, output_bias=output_bias)
        self.q_norm = norm(sizes.head_dim, epsilon)
        self.k_norm = norm(sizes.head_dim, epsilon)

    def prepared(self, joined: Tensor, rotation: Rotation | None) -> Tensor:
        """(T, heads + kv_heads, D) -> the same, normed and turned"""
        queries, keys = joined[:, : self.heads], joined[:, self.heads :]
        return super().prepared(torch.cat((self.q_norm(queries), self.k_norm(keys)), dim=1), rotation)


class WidthNormAttention(Attention):
    """All heads of the queries are normed together, and all of the keys (arXiv:2501.00656, §3.1)."""

    def __init__(
        self, sizes: Sizes, layer: int, norm: Norm, epsilon: float, *, bias: bool = False, output_bias: bool = False
    ) -> None:
        super().__init__(sizes, layer, bias=bias, output_bias=output_bias)
        self.q_norm = norm(self.heads * self.head_dim, epsilon)
        self.k_norm = norm(self.kv_heads * self.head_dim, epsilon)

    def prepared(self, joined: Tensor, rotation: Rotation | None) -> Tensor:
        """(T, heads + kv_heads, D) -> the same, normed and turned"""
        queries = self.q_norm(joined[:, : self.heads].flatten(1)).unflatten(1, (self.heads, self.head_dim))
        keys = self.k_norm(joined[:, self.heads :].flatten(1)).unflatten(1, (self.kv_heads, self.head_dim))
        return super().prepared(torch.cat((queries, keys), dim=1), rotation)
