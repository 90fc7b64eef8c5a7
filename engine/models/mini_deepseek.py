"""mini-deepseek (https://github.com/stonehuang1024/mini-deepseek): DeepSeek's ideas in a form of their own.

The latents have no norms, each head turns a key of its own, the last channels of a head are turned, experts are weighed
by a softmax and always renormalised, and what shared experts give is averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.attention import Attending
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import Batch, Linear
from engine.models.mlp import GatedMLP
from engine.models.moe import Mixture
from engine.models.rope import Rotation


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a mini-deepseek model; `expert_layers` are those with experts in place of one MLP."""

    q_lora_rank: int
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    expert_layers: tuple[int, ...]
    num_experts: int
    num_shared_experts: int
    num_experts_per_tok: int
    expert_hidden_size: int
    routed_scaling_factor: float
    router_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("kv_lora_rank", "num_experts")
        widths = {name: reader.integer(name) for name in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")}
        widest = max(widths["qk_nope_head_dim"] + widths["qk_rope_head_dim"], widths["v_head_dim"])
        experts = reader.items("expert_layers", int)
        return cls(
            **gated_sizes({**config, "head_dim": widest}, ConfigReader({**config, "head_dim": widest}), tied=True),
            **widths,
            q_lora_rank=reader.integer("q_lora_rank"),
            kv_lora_rank=reader.integer("kv_lora_rank"),
            expert_layers=experts,
            num_experts=reader.integer("num_experts") if experts else 1,
            num_shared_experts=reader.count("num_shared_experts", 0),
            num_experts_per_tok=reader.integer("num_experts_per_tok") if experts else 1,
            expert_hidden_size=reader.integer("expert_hidden_size") if experts else 1,
            routed_scaling_factor=reader.number("routed_scaling_factor", 1.0),
            router_bias=reader.flag("router_bias", False),
        )

    def experts(self, count: int) -> list[GatedMLP]:
        """So many experts."""
        return [GatedMLP(self.hidden_size, self.expert_hidden_size, F.silu) for _ in range(count)]


class NarrowAttention(Attending):
    """Queries, and keys with values, come out of two narrow products without norms between."""

    def __init__(self, config: Config, layer: int) -> None:
        width, heads = config.qk_nope_head_dim + config.qk_rope_head_dim, config.num_attention_heads
        super().__init__(layer, width**-0.5)
        self.config = config
        self.q_down_proj = Linear(config.hidden_size, config.q_lora_rank)
        self.q_up_proj = Linear(config.q_lora_rank, heads * width)
        self.kv_down_proj = Linear(config.hidden_size, config.kv_lora_rank)
        self.k_up_proj = Linear(config.kv_lora_rank, heads * width)
        self.v_up_proj = Linear(config.kv_lora_rank, heads * config.v_head_dim)
        self.o_proj = Linear(heads * config.v_head_dim, config.hidden_size)

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation) -> Tensor:
        """(T, hidden) -> (T, hidden); adds the new keys and values to each row's cache."""
        tokens, heads, latent = x.shape[0], self.config.num_attention_heads, self.kv_down_proj(x)
        queries = self.q_up_proj(self.q_down_proj(x)).view(tokens, heads, -1)  # (T, heads, nope + rope)
        keys = self.k_up_proj(latent).view(tokens, heads, -1)  # (T, heads, nope + rope)
        values = self.v_up_proj(latent).view(tokens, heads, -1)  # (T, heads, v)
        queries, keys = self._turned(queries, rotation), self._turned(keys, rotation)
        mixed = self.mixed(self._filled(queries), self._filled(keys), self._filled(values), batch)
        return self.o_proj(mixed.view(tokens, heads, -1)[..., : self.config.v_head_dim].flatten(1))

    def _turned(self, x: Tensor, rotation: Rotation) -> Tensor:
        nope = self.config.qk_nope_head_dim
        return torch.cat((x[..., :nope], rotation.turn(x[..., nope:].contiguous())), dim=-1)

    def _filled(self, x: Tensor) -> Tensor:
        """(T, heads, narrow) -> (T, heads, head_dim)"""
        return F.pad(x, (0, self.config.head_dim - x.shape[-1]))


class SharedMixture(Mixture):
    """A mixture beside experts that see every token; what those give is averaged."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            config.hidden_size, config.experts(config.num_experts), config.num_experts_per_tok, renormalised=True
        )
        self.scale = config.routed_scaling_factor
        self.shared_experts = nn.ModuleList(config.experts(config.num_shared_experts))
        if config.router_bias:
            self.gate.bias = nn.Parameter(torch.empty(config.num_experts), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        mixed = self.scale * super().forward(x)
        for expert in self.shared_experts:
            mixed = mixed + expert(x) / len(self.shared_experts)
        return mixed


class Model(CausalModel):
    """A mini-deepseek model."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope, rotary_width=config.qk_rope_head_dim)


def _layer(config: Config, index: int) -> Layer:
    mlp = SharedMixture(config) if index in config.expert_layers else config.gated_mlp()
    return Layer(NarrowAttention(config, index), mlp, config.norm)
