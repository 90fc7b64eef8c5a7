"""Qwen2 and Qwen2.5: Llama with biases on queries, keys and values (arXiv:2407.10671, §2.1)."""

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
    """The numbers of a Qwen2 model, from its config.json."""

    windows: tuple[int | None, ...]

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("layer_types", "sliding_window", "use_sliding_window")
        return cls(**gated_sizes(config, reader, context=32768), windows=upper_windows(reader))


class Model(CausalModel):
    """A Qwen2 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def upper_windows(reader: ConfigReader) -> tuple[int | None, ...]:
    """Windows on the layers from max_window_layers on, if at all; as all Qwen families have them."""
    slides = reader.flag("use_sliding_window", False)
    first = reader.count("max_window_layers", 28)
    return reader.windows(lambda layer: slides and layer >= first)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=True)
    attention.window = config.windows[index]
    return Layer(attention, config.gated_mlp(), config.norm)
