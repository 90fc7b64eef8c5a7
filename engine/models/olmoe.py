"""OLMoE: queries and keys normed whole, a mixture of small experts in every layer (arXiv:2409.02060)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import RMSNorm
from engine.models.moe import Mixture
from engine.models.normed_attention import WidthNormAttention


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of an OLMoE model, from its config.json."""

    attention_bias: bool
    num_experts: int
    num_experts_per_tok: int
    norm_topk_prob: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "num_experts")
        return cls(
            **gated_sizes(config, reader, context=4096, epsilon=1e-5),
            attention_bias=reader.flag("attention_bias", False),
            num_experts=reader.integer("num_experts"),
            num_experts_per_tok=reader.integer("num_experts_per_tok"),
            norm_topk_prob=reader.flag("norm_topk_prob", False),
        )


class Model(CausalModel):
    """An OLMoE model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    bias = config.attention_bias
    attention = WidthNormAttention(config, index, RMSNorm, config.rms_norm_eps, bias=bias, output_bias=bias)
    experts = (config.gated_mlp() for _ in range(config.num_experts))
    mixture = Mixture(config.hidden_size, experts, config.num_experts_per_tok, renormalised=config.norm_topk_prob)
    return Layer(attention, mixture, config.norm)
