"""Attention over a batch of sequences, each with its own cache, and the grouped-query block that families share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.config import Sizes
from engine.models.layers import Batch, Linear, Row, fuse
from engine.models.rope import Rotation


class Attending(nn.Module):
    """What every kind of attention does once it has queries, keys and values.

    A family sets what differs: `scale`, `window` (how many tokens back each token sees, itself included), `softcap`,
    `sinks` and `slopes`, as `attend` takes them.
    """

    def __init__(self, layer: int, scale: float) -> None:
        super().__init__()
        self.layer, self.scale = layer, scale
        self.window: int | None = None
        self.softcap: float | None = None
        self.sinks: Tensor | None = None
        self.slopes: Tensor | None = None

    @property
    def is_plain(self) -> bool:
        """Whether its scores are those of plain attention, perhaps through a window."""
        return self.softcap is None and self.sinks is None and self.slopes is None

    def mixed(self, queries: Tensor, keys: Tensor, values: Tensor, batch: Batch) -> Tensor:
        """Remember keys and values, (T, kv_heads, D), and attend with the queries: (T, heads, D) -> (T, heads * D)"""
        if batch.places is not None and self.is_plain:
            return batch.places.attend((queries, keys, values), self.layer, self.scale, self.window)
        if batch.fixed is not None:
            return batch.fixed.attend((queries, keys, values), self)
        outputs = []
        pairs = torch.stack((keys, values)).transpose(1, 2)  # (2, kv_heads, T, D)
        for row in batch.rows:
            here = slice(row.first, row.first + row.count)
            row.cache[self.layer, :, :, row.start : row.start + row.count] = pairs[:, :, here]
            outputs.append(
                attend(
                    queries[here],
                    row,
                    self.layer,
                    self.scale,
                    window=self.window,
                    softcap=self.softcap,
                    sinks=self.sinks,
                    slopes=self.slopes,
                )
            )
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


class Attention(Attending):
    """Grouped-query attention (arXiv:2305.13245). One product gives queries, keys and values.

    A family overrides `projected` or `prepared` where it does more with them.
    """

    def __init__(
        self, sizes: Sizes, layer: int, *, bias: bool = False, output_bias: bool = False, fused: bool = False
    ) -> None:
        super().__init__(layer, sizes.head_dim**-0.5)
        self.fused = fused
        self.heads, self.kv_heads, self.head_dim = (
            sizes.num_attention_heads,
            sizes.num_key_value_heads,
            sizes.head_dim,
        )
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        if fused:
            self.qkv_proj = Linear(sizes.hidden_size, queries + 2 * keys, bias=bias)
        else:
            self.q_proj = Linear(sizes.hidden_size, queries, bias=bias)
            self.k_proj = Linear(sizes.hidden_size, keys, bias=bias)
            self.v_proj = Linear(sizes.hidden_size, keys, bias=bias)
        self.o_proj = Linear(queries, sizes.hidden_size, bias=output_bias)

    def fuse(self) -> None:
        """Join the three input projections into one."""
        if not self.fused:
            self.qkv_proj = fuse([self.q_proj, self.k_proj, self.v_proj])
            del self.q_proj, self.k_proj, self.v_proj
            self.fused = True

    def projected(self, x: Tensor) -> Tensor:
        """Queries, keys and values side by side: (T, hidden) -> (T, (heads + 2 kv_heads) * D)"""
        return self.qkv_proj(x)

    def prepared(self, joined: Tensor, rotation: Rotation | None) -> Tensor:
        """Queries and keys side by side, (T, heads + kv_heads, D), with their positions."""
        return joined if rotation is None else rotation.turn(joined)

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation | None) -> Tensor:
        """(T, hidden) -> (T, hidden); adds the new keys and values to each row's cache."""
        qkv = self.projected(x).view(x.shape[0], -1, self.head_dim)  # (T, heads + 2 kv_heads, D)
        joined = self.prepared(qkv[:, : self.heads + self.kv_heads], rotation)  # (T, heads + kv_heads, D)
        queries, keys = joined[:, : self.heads], joined[:, self.heads :]
        values = qkv[:, self.heads + self.kv_heads :]  # (T, kv_heads, D)
        return self.o_proj(self.mixed(queries, keys, values, batch))


def attend(
    queries: Tensor,
    row: Row,
    layer: int,
    scale: float,
    *,
    window: int | None = None,
    softcap: float | None = None,
    sinks: Tensor | None = None,
    slopes: Tensor | None = None,
) -> Tensor:
    """Causal attention of one sequence's new tokens over its cache: (count, heads, D) -> (count, heads * D)

    The keys and values of these tokens must be in the cache already. Scores are squeezed by `softcap`, tilted towards
    what is near by `slopes` (heads,), and lose a part of their weight to `sinks` (heads,).
    """
    count, heads, width = queries.shape
    length = row.start + row.count
    first = 0 if window is None else max(0, row.start + 1 - window)
    keys, values = row.cache[layer, :, :, first:length]  # each (kv_heads, seen, D)
    kv_heads, plain = keys.shape[0], softcap is None and sinks is None and slopes is None
    if count == 1 and plain:
        grouped = queries.view(kv_heads, heads // kv_heads, width) * scale  # (kv_heads, group, D)
        weights = torch.softmax(grouped @ keys.transpose(1, 2), dim=-1)  # (kv_heads, group, seen)
        return (weights @ values).reshape(1, heads * width)
    mask = _visible(count, row.start - first, length - first, window, queries.device)  # (count, seen) or None
    if not plain:
        return _attend_by_scores(queries, keys, values, mask, scale, softcap, sinks, slopes)
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


def _visible(count: int, before: int, seen: int, window: int | None, device: torch.device) -> Tensor | None:
    """Which keys each query sees, (count, seen); None where all of them are new and plainly causal."""
    narrow = window is not None and seen > window
    if before == 0 and not narrow:
        return None
    mask = torch.ones(count, seen, dtype=torch.bool, device=device).tril_(before)
    return mask.triu_(before - window + 1) if narrow else mask


def _attend_by_scores(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None,
    scale: float,
    softcap: float | None,
    sinks: Tensor | None,
    slopes: Tensor | None,
) -> Tensor:
    """`attend` written out, for scores that are changed before the softmax; they are float32."""
    (count, heads, width), (kv_heads, seen, _) = queries.shape, keys.shape
    grouped = queries.view(count, kv_heads, heads // kv_heads, width).permute(1, 2, 0, 3)  # (kv_heads, group, count, D)
    scores = (grouped @ keys[:, None].transpose(2, 3)).float() * scale  # (kv_heads, group, count, seen)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if slopes is not None:
        places = torch.arange(seen, device=keys.device, dtype=torch.float32)  # (seen,)
        scores = scores + slopes.view(kv_heads, -1, 1, 1) * (places - (seen - 1))
    if mask is None:
        mask = torch.ones(count, seen, dtype=torch.bool, device=keys.device).tril_()
    scores = scores.masked_fill(~mask, -torch.inf)
    if sinks is not None:
        lost = sinks.float().view(kv_heads, -1, 1, 1).expand(-1, -1, count, 1)  # (kv_heads, group, count, 1)
        weights = torch.softmax(torch.cat((scores, lost), dim=-1), dim=-1)[..., :-1]
    else:
        weights = torch.softmax(scores, dim=-1)
    mixed = weights.to(values.dtype) @ values[:, None]  # (kv_heads, group, count, D)
    return mixed.permute(2, 0, 1, 3).reshape(count, heads * width)


def kind_by_kind(joined: Tensor, *, groups: int, queries: int) -> Tensor:
    """Rows stored group by group, each `queries` heads of queries, one of keys and one of values, put kind by kind.

    ((groups * (queries + 2) * D), ...) -> the same shape: all queries, all keys, all values.
    """
    rest = joined.shape[1:]
    grouped = joined.reshape(groups, queries + 2, -1, *rest)  # (groups, queries + 2, D, ...)
    parts = grouped[:, :queries], grouped[:, queries : queries + 1], grouped[:, queries + 1 :]
    return torch.cat([part.reshape(-1, *rest) for part in parts])
