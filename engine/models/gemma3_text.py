"""Gemma 3, its text model: Gemma 2 without soft caps, with normed queries and keys and two kinds of rotary angles.

Five windowed layers to one that sees everything (arXiv:2503.19786, §2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.config import ConfigReader
from engine.models.decoder import SandwichLayer
from engine.models.gated import gated_sizes
from engine.models.gemma import GemmaModel, GemmaSizes
from engine.models.mlp import activation
from engine.models.normed_attention import HeadNormAttention
from engine.models.norms import OffsetRMSNorm
from engine.models.rope import Rope
from engine.models.two_ropes import TwoRopesModel, two_ropes


@dataclass(frozen=True, slots=True)
class Config(GemmaSizes):
    """The numbers of a Gemma 3 text model, from its config.json."""

    attention_bias: bool
    query_pre_attn_scalar: float
    windows: tuple[int | None, ...]
    near_rope: Rope

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign(
            "attention_bias", "layer_types", "query_pre_attn_scalar", "sliding_window", "sliding_window_pattern"
        )
        far, near = two_ropes(config, 1_000_000.0, reader.number("rope_local_base_freq", 10_000.0))
        every = reader.integer("sliding_window_pattern", 6)
        sizes = gated_sizes(config, reader, context=131072, head_dim=256, tied=True)
        sizes |= {"rope": far, "activation": activation(reader, "hidden_activation", "gelu_pytorch_tanh")}
        return cls(
            **sizes,
            attention_bias=reader.flag("attention_bias", False),
            query_pre_attn_scalar=reader.number("query_pre_attn_scalar", 256),
            windows=reader.windows(lambda layer: (layer + 1) % every != 0),
            near_rope=near,
        )


class Model(TwoRopesModel, GemmaModel):
    """A Gemma 3 text model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope, near_rope=config.near_rope)


def _layer(config: Config, index: int) -> SandwichLayer:
    bias = config.attention_bias
    attention = HeadNormAttention(config, index, OffsetRMSNorm, config.rms_norm_eps, bias=bias, output_bias=bias)
    attention.scale = config.query_pre_attn_scalar**-0.5
    attention.window = config.windows[index]
    return SandwichLayer(attention, config.gated_mlp(), config.norm)
