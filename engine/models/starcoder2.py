"""StarCoder2: LayerNorm, a plain tanh-GELU MLP, biases, grouped queries, a window (arXiv:2402.19173)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.attention import Attention
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, Layer
from engine.models.mlp import MLP, Activation, activation
from engine.models.norms import LayerNorm
from engine.models.rope import Rope


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a StarCoder2 model, from its config.json."""

    intermediate_size: int
    norm_epsilon: float
    rope: Rope
    activation: Activation
    use_bias: bool
    sliding_window: int | None

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("sliding_window", "use_bias")
        return cls(
            **reader.sizes(context=4096, tied=True),
            intermediate_size=reader.integer("intermediate_size"),
            norm_epsilon=reader.number("norm_epsilon", 1e-5),
            rope=Rope.from_config(config),
            activation=activation(reader, "hidden_act", "gelu_pytorch_tanh"),
            use_bias=reader.flag("use_bias", True),
            sliding_window=reader.optional_integer("sliding_window"),
        )

    def norm(self) -> LayerNorm:
        """A norm as wide as the model."""
        return LayerNorm(self.hidden_size, self.norm_epsilon)


class Model(CausalModel):
    """A StarCoder2 model."""

    renames = ((r"\.mlp\.c_fc\.", ".mlp.up_proj."), (r"\.mlp\.c_proj\.", ".mlp.down_proj."))

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=config.use_bias, output_bias=config.use_bias)
    attention.window = config.sliding_window
    mlp = MLP(config.hidden_size, config.intermediate_size, config.activation, bias=config.use_bias)
    return Layer(attention, mlp, config.norm)
