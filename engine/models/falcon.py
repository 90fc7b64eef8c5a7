"""Falcon: few key-value heads, attention and MLP side by side, rotary positions or linear biases (arXiv:2311.16867).

Three kinds of files: 7B with one key-value head, 40B and later with groups, RW with a key-value head for each head.
The linear biases are exact here; the reference rounds them to bfloat16 from about two hundred tokens on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.models.alibi import alibi_slopes
from engine.models.attention import Attention, kind_by_kind
from engine.models.config import ConfigReader, Sizes, refused
from engine.models.decoder import CausalModel, Layer, ParallelLayer
from engine.models.mlp import MLP, Activation, activation
from engine.models.norms import LayerNorm
from engine.models.rope import Rope
from engine.models.spellings import key_value_heads


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a Falcon model, from its config.json; `rope` is None where there are linear biases."""

    intermediate_size: int
    layer_norm_epsilon: float
    rope: Rope | None
    activation: Activation
    bias: bool
    parallel_attn: bool
    norms_side_by_side: int

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("alibi", "bias", "multi_query", "new_decoder_architecture", "parallel_attn")
        new, parallel = reader.flag("new_decoder_architecture", False), reader.flag("parallel_attn", True)
        if new and not parallel:
            raise refused("new_decoder_architecture without parallel_attn")
        sizes = reader.sizes(tied=True)
        return cls(
            **sizes | {"num_key_value_heads": key_value_heads(config)},
            intermediate_size=reader.integer("intermediate_size", 4 * sizes["hidden_size"]),
            layer_norm_epsilon=reader.number("layer_norm_epsilon", 1e-5),
            rope=None if reader.flag("alibi", False) else Rope.from_config(config),
            activation=activation(reader, "activation", "gelu"),
            bias=reader.flag("bias", False),
            parallel_attn=parallel,
            norms_side_by_side=reader.integer("num_ln_in_parallel_attn", 2) if new else 1,
        )

    def norm(self) -> LayerNorm:
        """A norm as wide as the model."""
        return LayerNorm(self.hidden_size, self.layer_norm_epsilon)


class Model(CausalModel):
    """A Falcon model."""

    renames = (
        (r"^transformer\.", ""),
        (r"^word_embeddings\.", "model.embed_tokens."),
        (r"^h\.", "model.layers."),
        (r"^ln_f\.", "model.norm."),
        (r"\.ln_attn\.", ".input_layernorm."),
        (r"\.ln_mlp\.", ".post_attention_layernorm."),
        (r"\.self_attention\.query_key_value\.", ".self_attn.qkv_proj."),
        (r"\.self_attention\.dense\.", ".self_attn.o_proj."),
        (r"\.mlp\.dense_h_to_4h\.", ".mlp.up_proj."),
        (r"\.mlp\.dense_4h_to_h\.", ".mlp.down_proj."),
    )

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)
        groups = config.num_key_value_heads
        reorder = partial(kind_by_kind, groups=groups, queries=config.num_attention_heads // groups)
        self.adapted = {"qkv_proj.weight": reorder, "qkv_proj.bias": reorder}

    def finish_loading(self) -> None:
        """As every family does, and the slopes, which are scaled as scores are, to where the weights are."""
        super().finish_loading()
        if self.rope is None:
            for attention in (layer.self_attn for layer in self.model.layers):
                slopes = alibi_slopes(attention.heads) * attention.scale
                attention.slopes = slopes.to(self.model.norm.weight.device)


def _layer(config: Config, index: int) -> Layer | ParallelLayer:
    attention = Attention(config, index, bias=config.bias, output_bias=config.bias, fused=True)
    mlp = MLP(config.hidden_size, config.intermediate_size, config.activation, bias=config.bias)
    if not config.parallel_attn:
        return Layer(attention, mlp, config.norm)
    return ParallelLayer(attention, mlp, config.norm(), config.norm() if config.norms_side_by_side == 2 else None)
