"""Phi-1, Phi-1.5 and Phi-2: attention and MLP side by side behind one norm, biases everywhere (arXiv:2309.05463)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.attention import Attention
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, ParallelLayer
from engine.models.mlp import MLP, Activation, activation
from engine.models.norms import LayerNorm
from engine.models.rope import Rope


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a Phi model, from its config.json."""

    intermediate_size: int
    layer_norm_eps: float
    rope: Rope
    activation: Activation

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("partial_rotary_factor")
        return cls(
            **reader.sizes(context=2048),
            intermediate_size=reader.integer("intermediate_size"),
            layer_norm_eps=reader.number("layer_norm_eps", 1e-5),
            rope=Rope.from_config(config, default_fraction=0.5),
            activation=activation(reader, "hidden_act", "gelu_new"),
        )

    def norm(self) -> LayerNorm:
        """A norm as wide as the model."""
        return LayerNorm(self.hidden_size, self.layer_norm_eps)


class Model(CausalModel):
    """A Phi model."""

    renames = (
        (r"^model\.final_layernorm\.", "model.norm."),
        (r"\.self_attn\.dense\.", ".self_attn.o_proj."),
        (r"\.mlp\.fc1\.", ".mlp.up_proj."),
        (r"\.mlp\.fc2\.", ".mlp.down_proj."),
    )

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope, output_bias=True)


def _layer(config: Config, index: int) -> ParallelLayer:
    attention = Attention(config, index, bias=True, output_bias=True)
    mlp = MLP(config.hidden_size, config.intermediate_size, config.activation)
    return ParallelLayer(attention, mlp, config.norm(), second=None)
