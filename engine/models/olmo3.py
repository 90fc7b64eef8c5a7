"""OLMo 3: OLMo 2 with three windowed layers to one that sees everything; only the latter's angles are stretched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.config import ConfigReader
from engine.models.decoder import PostNormLayer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import RMSNorm
from engine.models.normed_attention import WidthNormAttention
from engine.models.rope import Rope
from engine.models.two_ropes import TwoRopesModel, two_ropes


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of an OLMo 3 model, from its config.json."""

    attention_bias: bool
    windows: tuple[int | None, ...]
    near_rope: Rope

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "layer_types", "sliding_window")
        far, near = two_ropes(config, 500_000.0, reader.number("rope_theta", 500_000.0))
        return cls(
            **gated_sizes(config, reader, context=2048, epsilon=1e-5) | {"rope": far},
            attention_bias=reader.flag("attention_bias", False),
            windows=reader.windows(lambda layer: (layer + 1) % 4 != 0),
            near_rope=near,
        )


class Model(TwoRopesModel):
    """An OLMo 3 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope, near_rope=config.near_rope)


def _layer(config: Config, index: int) -> PostNormLayer:
    bias = config.attention_bias
    attention = WidthNormAttention(config, index, RMSNorm, config.rms_norm_eps, bias=bias, output_bias=bias)
    attention.window = config.windows[index]
    return PostNormLayer(attention, config.gated_mlp(), config.norm)
