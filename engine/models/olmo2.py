"""OLMo 2: norms after attention and MLP instead of before them, queries and keys normed whole (arXiv:2501.00656)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, PostNormLayer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import RMSNorm
from engine.models.normed_attention import WidthNormAttention


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of an OLMo 2 model, from its config.json."""

    attention_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias")
        sizes = gated_sizes(config, reader, context=2048, epsilon=1e-5)
        return cls(**sizes, attention_bias=reader.flag("attention_bias", False))


class Model(CausalModel):
    """An OLMo 2 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> PostNormLayer:
    bias = config.attention_bias
    attention = WidthNormAttention(config, index, RMSNorm, config.rms_norm_eps, bias=bias, output_bias=bias)
    return PostNormLayer(attention, config.gated_mlp(), config.norm)
