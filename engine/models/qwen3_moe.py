"""Qwen3-MoE: Qwen3 with a mixture of experts in place of most MLPs (arXiv:2505.09388, §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import RMSNorm
from engine.models.mlp import GatedMLP
from engine.models.moe import Mixture
from engine.models.normed_attention import HeadNormAttention
from engine.models.qwen2_moe import sparse_layers


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a Qwen3-MoE model, from its config.json; `sparse` says which layers have experts."""

    attention_bias: bool
    window: int | None
    sparse: tuple[bool, ...]
    num_experts: int
    num_experts_per_tok: int
    norm_topk_prob: bool
    moe_intermediate_size: int

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign(
            "attention_bias", "num_experts", "num_local_experts", "sliding_window", "use_sliding_window"
        )
        slides = reader.flag("use_sliding_window", False)
        return cls(
            **gated_sizes(config, reader, context=32768),
            attention_bias=reader.flag("attention_bias", False),
            window=reader.optional_integer("sliding_window") if slides else None,
            sparse=sparse_layers(reader),
            num_experts=reader.integer("num_experts" if reader.has("num_experts") else "num_local_experts"),
            num_experts_per_tok=reader.integer("num_experts_per_tok"),
            norm_topk_prob=reader.flag("norm_topk_prob", False),
            moe_intermediate_size=reader.integer("moe_intermediate_size"),
        )

    def mixture(self) -> Mixture:
        """The experts of one layer with their router."""
        width = self.moe_intermediate_size
        experts = (GatedMLP(self.hidden_size, width, self.activation) for _ in range(self.num_experts))
        return Mixture(self.hidden_size, experts, self.num_experts_per_tok, renormalised=self.norm_topk_prob)


class Model(CausalModel):
    """A Qwen3-MoE model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    bias = config.attention_bias
    attention = HeadNormAttention(config, index, RMSNorm, config.rms_norm_eps, bias=bias, output_bias=bias)
    attention.window = config.window
    mlp: nn.Module = config.mixture() if config.sparse[index] else config.gated_mlp()
    return Layer(attention, mlp, config.norm)
