"""SmolLM3: Llama some of whose layers, every fourth by default, know no positions (arXiv:2501.18795, §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.rope import Rotation


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a SmolLM3 model, from its config.json; `turned` says of each layer whether it knows positions."""

    attention_bias: bool
    mlp_bias: bool
    turned: tuple[bool, ...]
    windows: tuple[int | None, ...]

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign(
            "attention_bias", "layer_types", "mlp_bias", "no_rope_layers", "sliding_window", "use_sliding_window"
        )
        sizes = gated_sizes(config, reader, theta=2_000_000.0, context=32768, tied=True)
        layers, every = sizes["num_hidden_layers"], reader.integer("no_rope_layer_interval", 4)
        # The key is older than its meaning: 1 says that the layer has rotary positions.
        turned = tuple(value == 1 for value in reader.items("no_rope_layers", int, layers))
        turned = turned or tuple((layer + 1) % every != 0 for layer in range(layers))
        slides = reader.flag("use_sliding_window", False) and reader.has("sliding_window")
        return cls(
            **sizes,
            attention_bias=reader.flag("attention_bias", False),
            mlp_bias=reader.flag("mlp_bias", False),
            turned=turned,
            windows=reader.windows(lambda layer: slides and not turned[layer]),
        )


class UnturnedAttention(Attention):
    """Attention that leaves queries and keys as they are, wherever they stand."""

    def prepared(self, joined: Tensor, rotation: Rotation | None) -> Tensor:
        """(T, heads + kv_heads, D) -> the same"""
        return joined


class Model(CausalModel):
    """A SmolLM3 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    kind = Attention if config.turned[index] else UnturnedAttention
    attention = kind(config, index, bias=config.attention_bias, output_bias=config.attention_bias)
    attention.window = config.windows[index]
    return Layer(attention, config.gated_mlp(bias=config.mlp_bias), config.norm)
