"""Granite: Llama with multipliers on embeddings, scores, residual branches and logits (arXiv:2405.04324)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import Batch
from engine.models.rope import Rotation


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a Granite model, from its config.json."""

    attention_bias: bool
    mlp_bias: bool
    embedding_multiplier: float
    attention_multiplier: float
    residual_multiplier: float
    logits_scaling: float

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        scales = ("embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling")
        reader.refuse_foreign("attention_bias", "mlp_bias", *scales)
        return cls(
            **gated_sizes(config, reader, context=2048),
            attention_bias=reader.flag("attention_bias", False),
            mlp_bias=reader.flag("mlp_bias", False),
            **{name: reader.number(name, 1.0) for name in scales},
        )


class ScaledLayer(Layer):
    """Each branch is multiplied before it is added."""

    multiplier: float = 1.0

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation | None) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        x = x + self.multiplier * self.self_attn(self.input_layernorm(x), batch, rotation)
        return x + self.multiplier * self.mlp(self.post_attention_layernorm(x))


class Model(CausalModel):
    """A Granite model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)
        self.embedding_multiplier = config.embedding_multiplier
        self.logits_scaling = config.logits_scaling

    def embedded(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) -> (T, hidden)"""
        return self.model.embed_tokens(ids) * self.embedding_multiplier

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> (N, vocab_size) in float32"""
        return super().logits(hidden) / self.logits_scaling


def _layer(config: Config, index: int) -> ScaledLayer:
    attention = Attention(config, index, bias=config.attention_bias, output_bias=config.attention_bias)
    attention.scale = config.attention_multiplier
    layer = ScaledLayer(attention, config.gated_mlp(bias=config.mlp_bias), config.norm)
    layer.multiplier = config.residual_multiplier
    return layer
