"""Phi-3 and Phi-4: Llama with joined projections, part of each head turned, LongRoPE (arXiv:2404.14219).

With LongRoPE the context ends where the original one did: see `LongScaling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a Phi-3 model, from its config.json."""

    sliding_window: int | None

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("partial_rotary_factor", "sliding_window")
        sizes = gated_sizes(config, reader, context=4096, epsilon=1e-5)
        return cls(**sizes, sliding_window=reader.optional_integer("sliding_window"))


class Model(CausalModel):
    """A Phi-3 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, fused=True)
    attention.window = config.sliding_window
    return Layer(attention, config.gated_mlp(fused=True), config.norm)
