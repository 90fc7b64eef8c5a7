"""Latent attention (MLA, arXiv:2405.04434, §2.1), as the DeepSeek families have it, and the numbers they share.

The cache holds the keys and values that the latent gives for each head, filled up with zeros to the same width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.attention import Attending
from engine.models.config import ConfigReader, refused
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import Batch, Linear, RMSNorm
from engine.models.mlp import GatedMLP
from engine.models.moe import mix
from engine.models.rope import Rotation, half_by_half
from engine.models.rope_scaling import magnitude

# The norms inside the attention keep this, whatever rms_norm_eps says.
EPSILON = 1e-6
COMPUTED = ("attention_bias", "kv_lora_rank", "mlp_bias", "n_routed_experts", "rope_interleave")


@dataclass(frozen=True, slots=True)
class LatentSizes(GatedSizes):
    """The numbers of a DeepSeek model; `head_dim` is the wider of a head's key and value."""

    attention_bias: bool
    mlp_bias: bool
    q_lora_rank: int | None
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    attention_scale: float
    is_interleaved: bool
    first_k_dense_replace: int
    n_routed_experts: int
    n_shared_experts: int
    num_experts_per_tok: int
    moe_intermediate_size: int
    routed_scaling_factor: float
    groups: int
    chosen_groups: int

    def expert(self, width: int) -> GatedMLP:
        """One expert."""
        return GatedMLP(self.hidden_size, width, self.activation, bias=self.mlp_bias)


def latent_sizes(config: Mapping[str, Any], reader: ConfigReader) -> dict[str, Any]:
    """The fields of `LatentSizes`. Raises CheckpointProblem as `sizes` does."""
    if reader.integer("moe_layer_freq", 1) != 1:
        raise refused(f"moe_layer_freq = {reader.integer('moe_layer_freq')}")
    nope, turned, values = (reader.integer(f"{name}_head_dim") for name in ("qk_nope", "qk_rope", "v"))
    sizes = gated_sizes(config, reader, context=2048)
    return sizes | {
        "num_key_value_heads": sizes["num_attention_heads"],
        "head_dim": max(nope + turned, values),
        "attention_bias": reader.flag("attention_bias", False),
        "mlp_bias": reader.flag("mlp_bias", False),
        "q_lora_rank": reader.optional_integer("q_lora_rank"),
        "kv_lora_rank": reader.integer("kv_lora_rank"),
        "qk_nope_head_dim": nope,
        "qk_rope_head_dim": turned,
        "v_head_dim": values,
        "attention_scale": (nope + turned) ** -0.5 * _growth(reader),
        "is_interleaved": reader.flag("rope_interleave", True),
        "first_k_dense_replace": reader.count("first_k_dense_replace", 0),
        "n_routed_experts": reader.integer("n_routed_experts"),
        "n_shared_experts": reader.integer("n_shared_experts"),
        "num_experts_per_tok": reader.integer("num_experts_per_tok"),
        "moe_intermediate_size": reader.integer("moe_intermediate_size"),
        "routed_scaling_factor": reader.number("routed_scaling_factor", 1.0),
        "groups": reader.integer("n_group", 1),
        "chosen_groups": reader.integer("topk_group", 1),
    }


class LatentAttention(Attending):
    """Keys and values come out of one narrow latent; one turned key is shared by all heads."""

    def __init__(self, sizes: LatentSizes, layer: int) -> None:
        super().__init__(layer, sizes.attention_scale)
        self.sizes = sizes
        hidden, bias = sizes.hidden_size, sizes.attention_bias
        queries = sizes.num_attention_heads * (sizes.qk_nope_head_dim + sizes.qk_rope_head_dim)
        if sizes.q_lora_rank is None:
            self.q_proj = Linear(hidden, queries)
        else:
            self.q_a_proj = Linear(hidden, sizes.q_lora_rank, bias=bias)
            self.q_a_layernorm = RMSNorm(sizes.q_lora_rank, EPSILON)
            self.q_b_proj = Linear(sizes.q_lora_rank, queries)
        self.kv_a_proj_with_mqa = Linear(hidden, sizes.kv_lora_rank + sizes.qk_rope_head_dim, bias=bias)
        self.kv_a_layernorm = RMSNorm(sizes.kv_lora_rank, EPSILON)
        self.kv_b_proj = Linear(
            sizes.kv_lora_rank, sizes.num_attention_heads * (sizes.qk_nope_head_dim + sizes.v_head_dim)
        )
        self.o_proj = Linear(sizes.num_attention_heads * sizes.v_head_dim, hidden, bias=bias)

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation) -> Tensor:
        """(T, hidden) -> (T, hidden); adds the new keys and values to each row's cache."""
        sizes, tokens = self.sizes, x.shape[0]
        nope, heads = sizes.qk_nope_head_dim, sizes.num_attention_heads
        queries = self._queries(x).view(tokens, heads, -1)  # (T, heads, nope + rope)
        latent, shared = self.kv_a_proj_with_mqa(x).split((sizes.kv_lora_rank, sizes.qk_rope_head_dim), dim=-1)
        pairs = self.kv_b_proj(self.kv_a_layernorm(latent)).view(tokens, heads, -1)  # (T, heads, nope + v)
        shared = self._turned(shared[:, None], rotation).expand(-1, heads, -1)  # (T, heads, rope)
        keys = torch.cat((pairs[..., :nope], shared), dim=-1)  # (T, heads, nope + rope)
        queries = torch.cat((queries[..., :nope], self._turned(queries[..., nope:], rotation)), dim=-1)
        mixed = self.mixed(self._filled(queries), self._filled(keys), self._filled(pairs[..., nope:]), batch)
        values = mixed.view(tokens, heads, -1)[..., : sizes.v_head_dim]  # (T, heads, v)
        return self.o_proj(values.flatten(1))

    def _queries(self, x: Tensor) -> Tensor:
        if self.sizes.q_lora_rank is None:
            return self.q_proj(x)
        return self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))

    def _turned(self, x: Tensor, rotation: Rotation) -> Tensor:
        return rotation.turn(half_by_half(x) if self.sizes.is_interleaved else x.contiguous())

    def _filled(self, x: Tensor) -> Tensor:
        """(T, heads, narrow) -> (T, heads, head_dim)"""
        return F.pad(x, (0, self.sizes.head_dim - x.shape[-1]))


class SharedExpertsMixture(nn.Module):
    """A mixture beside experts that all tokens share; a family says how it chooses."""

    def __init__(self, sizes: LatentSizes, gate: nn.Module) -> None:
        super().__init__()
        self.sizes, self.gate = sizes, gate
        width = sizes.moe_intermediate_size
        self.experts = nn.ModuleList(sizes.expert(width) for _ in range(sizes.n_routed_experts))
        self.shared_experts = sizes.expert(width * sizes.n_shared_experts)

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        weights, numbers = self.gate.choose(x)
        weights = (weights * self.sizes.routed_scaling_factor).to(x.dtype)
        return mix(x, weights, numbers, lambda number, rows: self.experts[number](rows)) + self.shared_experts(x)


def _growth(reader: ConfigReader) -> float:
    """YaRN's growth of the scores, which these families put into the scale instead of the angles."""
    section = reader.section("rope_parameters") or reader.section("rope_scaling")
    if section is None or section.text("rope_type", section.text("type", "default")) == "default":
        return 1.0
    strength = section.number("mscale_all_dim", 0.0)
    return magnitude(section.number("factor"), strength) ** 2 if strength else 1.0
