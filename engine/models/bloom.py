"""BLOOM: linear biases instead of positions, a norm after the embedding, tanh-GELU, biases (arXiv:2211.05100, §3.2).

On disk the rows of queries, keys and values lie head by head; here they lie one kind after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from engine.models.alibi import alibi_slopes
from engine.models.attention import Attention, kind_by_kind
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, Layer
from engine.models.layers import Batch
from engine.models.mlp import MLP, tanh_gelu
from engine.models.norms import LayerNorm


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a BLOOM model, from its config.json."""

    layer_norm_epsilon: float

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign()
        return cls(**reader.sizes(tied=True), layer_norm_epsilon=reader.number("layer_norm_epsilon", 1e-5))

    def norm(self) -> LayerNorm:
        """A norm as wide as the model."""
        return LayerNorm(self.hidden_size, self.layer_norm_epsilon)


class Model(CausalModel):
    """A BLOOM model."""

    renames = (
        (r"^transformer\.", ""),
        (r"^word_embeddings\.", "model.embed_tokens."),
        (r"^word_embeddings_layernorm\.", "model.embed_norm."),
        (r"^h\.", "model.layers."),
        (r"^ln_f\.", "model.norm."),
        (r"\.self_attention\.query_key_value\.", ".self_attn.qkv_proj."),
        (r"\.self_attention\.dense\.", ".self_attn.o_proj."),
        (r"\.mlp\.dense_h_to_4h\.", ".mlp.up_proj."),
        (r"\.mlp\.dense_4h_to_h\.", ".mlp.down_proj."),
    )

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm())
        self.model.embed_norm = config.norm()
        reorder = partial(kind_by_kind, groups=config.num_attention_heads, queries=1)
        self.adapted = {"qkv_proj.weight": reorder, "qkv_proj.bias": reorder}

    def finish_loading(self) -> None:
        """As every family does, and the slopes to where the weights are."""
        super().finish_loading()
        for layer in self.model.layers:
            layer.self_attn.slopes = alibi_slopes(layer.self_attn.heads).to(self.model.norm.weight.device)

    def embedded(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) -> (T, hidden)"""
        return self.model.embed_norm(self.model.embed_tokens(ids))


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=True, output_bias=True, fused=True)
    return Layer(attention, MLP(config.hidden_size, 4 * config.hidden_size, tanh_gelu), config.norm)
