"""gpt-oss: windows on every second layer, sinks beside the scores, experts with clamped gates (arXiv:2508.10925)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.moe import Router, mix

ROPE = {
    "rope_type": "yarn",
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "truncate": False,
    "original_max_position_embeddings": 4096,
}


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a gpt-oss model, from its config.json."""

    attention_bias: bool
    windows: tuple[int | None, ...]
    num_local_experts: int
    num_experts_per_tok: int
    swiglu_alpha: float
    swiglu_limit: float

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "layer_types", "num_experts", "num_local_experts", "sliding_window")
        if not reader.has("rope_parameters") and not reader.has("rope_scaling"):
            config = {**config, "rope_scaling": ROPE}
        return cls(
            **gated_sizes(config, reader, theta=150_000.0, epsilon=1e-5, context=131072, head_dim=64),
            attention_bias=reader.flag("attention_bias", True),
            windows=reader.windows(lambda layer: layer % 2 == 0),
            num_local_experts=reader.integer("num_local_experts"),
            num_experts_per_tok=reader.integer("num_experts_per_tok", 4),
            swiglu_alpha=reader.number("swiglu_alpha", 1.702),
            swiglu_limit=reader.number("swiglu_limit", 7.0),
        )


class Experts(nn.Module):
    """All experts' weights in one tensor a product, as on disk; gates and ups lie in turns."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        count, hidden, inner = config.num_local_experts, config.hidden_size, config.intermediate_size
        self.alpha, self.limit = config.swiglu_alpha, config.swiglu_limit
        self.gate_up_proj = nn.Parameter(torch.empty(count, hidden, 2 * inner), requires_grad=False)
        self.gate_up_proj_bias = nn.Parameter(torch.empty(count, 2 * inner), requires_grad=False)
        self.down_proj = nn.Parameter(torch.empty(count, inner, hidden), requires_grad=False)
        self.down_proj_bias = nn.Parameter(torch.empty(count, hidden), requires_grad=False)

    def compute(self, number: int, x: Tensor) -> Tensor:
        """One expert: (tokens, hidden) -> (tokens, hidden)"""
        joined = x @ self.gate_up_proj[number] + self.gate_up_proj_bias[number]  # (tokens, 2 intermediate)
        gate, up = joined[:, ::2].clamp(max=self.limit), joined[:, 1::2].clamp(-self.limit, self.limit)
        inner = (up + 1) * gate * torch.sigmoid(self.alpha * gate)  # (tokens, intermediate)
        return inner @ self.down_proj[number] + self.down_proj_bias[number]


class Mixture(nn.Module):
    """The best experts by their scores, weighed by the softmax over those alone."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.router = Router(config.hidden_size, config.num_local_experts, bias=True)
        self.experts = Experts(config)
        self.chosen = config.num_experts_per_tok

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        scores, numbers = self.router(x).topk(self.chosen, dim=-1)  # each (T, chosen)
        return mix(x, torch.softmax(scores, dim=-1), numbers, self.experts.compute)


class Model(CausalModel):
    """A gpt-oss model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=config.attention_bias, output_bias=config.attention_bias)
    attention.window = config.windows[index]
    attention.sinks = nn.Parameter(torch.empty(config.num_attention_heads), requires_grad=False)
    return Layer(attention, Mixture(config), config.norm)
