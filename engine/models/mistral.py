"""Mistral: Llama whose layers may see only a window of the last tokens (arXiv:2310.06825)."""

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
    """The numbers of a Mistral model, from its config.json."""

    sliding_window: int | None

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("sliding_window")
        return cls(**gated_sizes(config, reader), sliding_window=reader.optional_integer("sliding_window"))


class Model(CausalModel):
    """A Mistral model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index)
    attention.window = config.sliding_window
    return Layer(attention, config.gated_mlp(), config.norm)
