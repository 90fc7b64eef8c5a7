"""Attention of one new token for each of several sequences by shapes that never change, as a recorded step needs it.

All slots lie in one tensor, each sequence looks at the same number of places, and what it may not see is masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Kind(Protocol):
    """How a layer attends, as `engine.models.attention.Attending` says it."""

    layer: int
    scale: float
    window: int | None
    softcap: float | None
    sinks: Tensor | None
    slopes: Tensor | None

    @property
    def is_plain(self) -> bool:
        """Whether the scores are those of plain attention, perhaps through a window."""


@dataclass(frozen=True, slots=True)
class FixedPlaces:
    """Where B tokens of B sequences keep their keys and values, and how many places each of them looks at.

    `cache` is (layers, 2, slots, kv_heads, capacity, D) and holds numbers everywhere; `slots` and `positions` are
    int64 (B,). No position reaches `length`.
    """

    cache: Tensor
    slots: Tensor
    positions: Tensor
    length: int

    def attend(self, parts: tuple[Tensor, Tensor, Tensor], kind: Kind) -> Tensor:
        """Store the new keys and values, then attend: queries (B, heads, D), the others (B, kv_heads, D)

        -> (B, heads * D)
        """
        queries, keys, values = parts
        here = self.cache[kind.layer]  # (2, slots, kv_heads, capacity, D)
        here[0][self.slots, :, self.positions] = keys
        here[1][self.slots, :, self.positions] = values
        keys, values = here[:, :, :, : self.length].index_select(1, self.slots)  # each (B, kv_heads, length, D)
        seen = self._seen(kind.window)  # (B, length)
        if not kind.is_plain:
            return self._by_scores(queries, keys, values, seen, kind)
        attended = F.scaled_dot_product_attention(
            queries[:, :, None],
            keys,
            values,
            attn_mask=seen[:, None, None],
            scale=kind.scale,
            enable_gqa=queries.shape[1] != keys.shape[1],
        )  # (B, heads, 1, D)
        return attended.reshape(len(queries), -1)

    def _seen(self, window: int | None) -> Tensor:
        places = torch.arange(self.length, device=self.positions.device)  # (length,)
        seen = places <= self.positions[:, None]  # (B, length)
        return seen if window is None else seen & (places > self.positions[:, None] - window)

    def _by_scores(self, queries: Tensor, keys: Tensor, values: Tensor, seen: Tensor, kind: Kind) -> Tensor:
        """The scores written out, in float32, for kinds that change them before the softmax."""
        rows, kv_heads = keys.shape[:2]
        grouped = queries.view(rows, kv_heads, -1, queries.shape[-1])  # (B, kv_heads, group, D)
        scores = (grouped @ keys.transpose(2, 3)).float() * kind.scale  # (B, kv_heads, group, length)
        if kind.softcap is not None:
            scores = kind.softcap * torch.tanh(scores / kind.softcap)
        if kind.slopes is not None:
            places = torch.arange(self.length, device=seen.device, dtype=torch.float32)  # (length,)
            distances = (places - self.positions[:, None])[:, None, None]  # (B, 1, 1, length)
            scores = scores + kind.slopes.view(kv_heads, -1, 1) * distances
        scores = scores.masked_fill(~seen[:, None, None], -torch.inf)
        if kind.sinks is not None:
            lost = kind.sinks.float().view(kv_heads, -1, 1).expand(rows, -1, -1, 1)  # (B, kv_heads, group, 1)
            scores = torch.cat((scores, lost), dim=-1)
        weights = torch.softmax(scores, dim=-1)[..., : self.length].to(values.dtype)
        return (weights @ values).reshape(rows, -1)
