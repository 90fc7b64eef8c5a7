"""Qwen3: Llama with every head of queries and keys normed, and heads of their own width (arXiv:2505.09388, §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import RMSNorm
from engine.models.normed_attention import HeadNormAttention
from engine.models.qwen2 import upper_windows


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a Qwen3 model, from its config.json."""

    windows: tuple[int | None, ...]
    attention_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "layer_types", "sliding_window", "use_sliding_window")
        return cls(
            **gated_sizes(config, reader, context=32768, head_dim=128),
            windows=upper_windows(reader),
            attention_bias=reader.flag("attention_bias", False),
        )


class Model(CausalModel):
    """A Qwen3 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    bias = config.attention_bias
    attention = HeadNormAttention(config, index, RMSNorm, config.rms_norm_eps, bias=bias, output_bias=bias)
    attention.window = config.windows[index]
    return Layer(attention, config.gated_mlp(), config.norm)
