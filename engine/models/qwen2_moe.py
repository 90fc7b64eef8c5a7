"""Qwen2-MoE: Qwen2 with a mixture of experts beside one expert that all tokens share (arXiv:2407.10671, §2.2)."""

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
from engine.models.mlp import GatedMLP
from engine.models.moe import Mixture, Router


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a Qwen2-MoE model, from its config.json; `sparse` says which layers have experts."""

    windows: tuple[int | None, ...]
    qkv_bias: bool
    sparse: tuple[bool, ...]
    num_experts: int
    num_experts_per_tok: int
    norm_topk_prob: bool
    moe_intermediate_size: int
    shared_expert_intermediate_size: int

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("layer_types", "num_experts", "qkv_bias", "sliding_window", "use_sliding_window")
        slides, last = reader.flag("use_sliding_window", False), reader.count("max_window_layers", 28)
        return cls(
            **gated_sizes(config, reader, context=32768),
            windows=reader.windows(lambda layer: slides and layer % 2 == 0 and layer < last),
            qkv_bias=reader.flag("qkv_bias", True),
            sparse=sparse_layers(reader),
            num_experts=reader.integer("num_experts"),
            num_experts_per_tok=reader.integer("num_experts_per_tok"),
            norm_topk_prob=reader.flag("norm_topk_prob", False),
            moe_intermediate_size=reader.integer("moe_intermediate_size"),
            shared_expert_intermediate_size=reader.integer("shared_expert_intermediate_size"),
        )

    def expert(self, width: int) -> GatedMLP:
        """One expert."""
        return GatedMLP(self.hidden_size, width, self.activation)


class SharedMixture(Mixture):
    """A mixture beside one expert for all tokens, which a gate of its own lets through."""

    def __init__(self, config: Config) -> None:
        experts = (config.expert(config.moe_intermediate_size) for _ in range(config.num_experts))
        super().__init__(config.hidden_size, experts, config.num_experts_per_tok, renormalised=config.norm_topk_prob)
        self.shared_expert = config.expert(config.shared_expert_intermediate_size)
        self.shared_expert_gate = Router(config.hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        return super().forward(x) + torch.sigmoid(self.shared_expert_gate(x)) * self.shared_expert(x)


class Model(CausalModel):
    """A Qwen2-MoE model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def sparse_layers(reader: ConfigReader) -> tuple[bool, ...]:
    """Which layers have experts: every decoder_sparse_step-th, but for those of mlp_only_layers."""
    step, dense = reader.integer("decoder_sparse_step", 1), reader.items("mlp_only_layers", int)
    layers = range(reader.integer("num_hidden_layers"))
    return tuple(layer not in dense and (layer + 1) % step == 0 for layer in layers)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=config.qkv_bias)
    attention.window = config.windows[index]
    mlp: nn.Module = SharedMixture(config) if config.sparse[index] else config.gated_mlp()
    return Layer(attention, mlp, config.norm)
