"""OLMo 1: Llama with norms that have no weights, and at choice clipped projections (arXiv:2402.00838, §2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.norms import LayerNorm

EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of an OLMo model, from its config.json."""

    attention_bias: bool
    clip_qkv: float | None

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "clip_qkv")
        return cls(
            **gated_sizes(config, reader, context=2048),
            attention_bias=reader.flag("attention_bias", False),
            clip_qkv=reader.optional_number("clip_qkv"),
        )

    def norm(self) -> LayerNorm:
        """A norm as wide as the model, without weight and bias."""
        return LayerNorm(self.hidden_size, EPSILON, weight=False, bias=False)


class ClippedAttention(Attention):
    """Attention whose queries, keys and values stay within a limit, if there is one."""

    limit: float | None = None

    def projected(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, (heads + 2 kv_heads) * D)"""
        joined = super().projected(x)
        return joined if self.limit is None else joined.clamp(-self.limit, self.limit)


class Model(CausalModel):
    """An OLMo model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    attention = ClippedAttention(config, index, bias=config.attention_bias, output_bias=config.attention_bias)
    attention.limit = config.clip_qkv
    return Layer(attention, config.gated_mlp(), config.norm)
