"""GPT-2: LayerNorm, learned positions, biases everywhere, tanh-GELU (Radford et al., 2019).

Hugging Face stores the products' weights as (in, out); `weights_in_out: false` in the config says that they lie as
(out, in), as in files that nanoGPT writes, and `bias: false` that neither products nor norms have biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engine.models.attention import Attention
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, Layer
from engine.models.layers import Batch, Embedding
from engine.models.mlp import MLP, Activation, activation
from engine.models.norms import LayerNorm


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a GPT-2 model, from its config.json."""

    intermediate_size: int
    layer_norm_epsilon: float
    activation: Activation
    bias: bool
    scale_attn_weights: bool
    scale_attn_by_inverse_layer_idx: bool
    weights_in_out: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign(
            "bias", "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn"
        )
        sizes = reader.sizes(context=1024, tied=True)
        return cls(
            **sizes,
            intermediate_size=reader.integer("intermediate_size", 4 * sizes["hidden_size"]),
            layer_norm_epsilon=reader.number("layer_norm_epsilon", 1e-5),
            activation=activation(reader, "activation_function", "gelu_new"),
            bias=reader.flag("bias", True),
            scale_attn_weights=reader.flag("scale_attn_weights", True),
            scale_attn_by_inverse_layer_idx=reader.flag("scale_attn_by_inverse_layer_idx", False),
            weights_in_out=reader.flag("weights_in_out", True),
        )


class Model(CausalModel):
    """A GPT-2 model."""

    # The attention's own biases on disk are its causal mask.
    ignored = (".attn.bias", ".attn.masked_bias")
    renames = (
        (r"^transformer\.", ""),
        (r"^wte\.", "model.embed_tokens."),
        (r"^wpe\.", "model.embed_positions."),
        (r"^h\.", "model.layers."),
        (r"^ln_f\.", "model.norm."),
        (r"\.ln_1\.", ".input_layernorm."),
        (r"\.ln_2\.", ".post_attention_layernorm."),
        (r"\.attn\.c_attn\.", ".self_attn.qkv_proj."),
        (r"\.attn\.c_proj\.", ".self_attn.o_proj."),
        (r"\.mlp\.c_fc\.", ".mlp.up_proj."),
        (r"\.mlp\.c_proj\.", ".mlp.down_proj."),
    )

    def __init__(self, config: Config) -> None:
        super().__init__(
            config,
            layers=(_layer(config, index) for index in range(config.num_hidden_layers)),
            norm=_norm(config),
        )
        self.model.embed_positions = Embedding(config.max_position_embeddings, config.hidden_size)
        if config.weights_in_out:
            self.adapted = {"_proj.weight": Tensor.t}

    def embedded(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) -> (T, hidden)"""
        return self.model.embed_tokens(ids) + self.model.embed_positions(batch.positions)


def _norm(config: Config) -> LayerNorm:
    return LayerNorm(config.hidden_size, config.layer_norm_epsilon, bias=config.bias)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=config.bias, output_bias=config.bias, fused=True)
    if not config.scale_attn_weights:
        attention.scale = 1.0
    if config.scale_attn_by_inverse_layer_idx:
        attention.scale /= index + 1
    return Layer(
        attention,
        MLP(config.hidden_size, config.intermediate_size, config.activation, bias=config.bias),
        norm=lambda: _norm(config),
    )
