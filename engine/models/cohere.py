"""Command R: attention and MLP side by side behind one norm, channels turned pair by pair, scaled logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, ParallelLayer
from engine.models.glm4 import PairwiseAttention
from engine.models.mlp import Activation, GatedMLP, activation
from engine.models.norms import LayerNorm
from engine.models.rope import Rope


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a Command R model, from its config.json."""

    intermediate_size: int
    layer_norm_eps: float
    rope: Rope
    activation: Activation
    attention_bias: bool
    logit_scale: float

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "logit_scale")
        return cls(
            **reader.sizes(context=8192, tied=True),
            intermediate_size=reader.integer("intermediate_size"),
            layer_norm_eps=reader.number("layer_norm_eps", 1e-5),
            rope=Rope.from_config(config),
            activation=activation(reader, "hidden_act", "silu"),
            attention_bias=reader.flag("attention_bias", False),
            logit_scale=reader.number("logit_scale", 0.0625),
        )

    def norm(self) -> LayerNorm:
        """A norm as wide as the model."""
        return LayerNorm(self.hidden_size, self.layer_norm_eps, bias=False)


class Model(CausalModel):
    """A Command R model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)
        self.logit_scale = config.logit_scale

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> (N, vocab_size) in float32"""
        return super().logits(hidden) * self.logit_scale


def _layer(config: Config, index: int) -> ParallelLayer:
    attention = PairwiseAttention(config, index, bias=config.attention_bias, output_bias=config.attention_bias)
    mlp = GatedMLP(config.hidden_size, config.intermediate_size, config.activation)
    return ParallelLayer(attention, mlp, config.norm(), second=None)
