"""OPT: learned positions, ReLU, biases (arXiv:2205.01068).

The 350M model norms after the residual and widens its embeddings. The first two rows of the positions on disk belong
to no position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from engine.models.attention import Attention
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, Layer
from engine.models.layers import Batch, Embedding, Linear
from engine.models.mlp import MLP, Activation, activation
from engine.models.norms import LayerNorm
from engine.models.rope import Rotation

EPSILON = 1e-5
ROWS_BEFORE_POSITIONS = 2


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of an OPT model, from its config.json."""

    intermediate_size: int
    activation: Activation
    word_embed_proj_dim: int
    do_layer_norm_before: bool
    has_final_norm: bool
    enable_bias: bool
    layer_norm_elementwise_affine: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("do_layer_norm_before")
        sizes, before = reader.sizes(context=2048, tied=True), reader.flag("do_layer_norm_before", True)
        return cls(
            **sizes,
            intermediate_size=reader.integer("intermediate_size"),
            activation=activation(reader, "activation_function", "relu"),
            word_embed_proj_dim=reader.integer("word_embed_proj_dim", sizes["hidden_size"]),
            do_layer_norm_before=before,
            has_final_norm=before and not reader.flag("_remove_final_layer_norm", False),
            enable_bias=reader.flag("enable_bias", True),
            layer_norm_elementwise_affine=reader.flag("layer_norm_elementwise_affine", True),
        )

    def norm(self) -> LayerNorm:
        """A norm as wide as the model."""
        affine = self.layer_norm_elementwise_affine
        return LayerNorm(self.hidden_size, EPSILON, weight=affine, bias=affine)


class NormAfterLayer(Layer):
    """Attention and MLP one after the other, the norms over the sums with the residual."""

    def forward(self, x: Tensor, batch: Batch, rotation: Rotation | None) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        x = self.input_layernorm(x + self.self_attn(x, batch, rotation))
        return self.post_attention_layernorm(x + self.mlp(x))


class Model(CausalModel):
    """An OPT model."""

    renames = (
        (r"^(model\.)?decoder\.", "model."),
        (r"^model\.final_layer_norm\.", "model.norm."),
        (r"\.self_attn\.out_proj\.", ".self_attn.o_proj."),
        (r"\.self_attn_layer_norm\.", ".input_layernorm."),
        (r"\.final_layer_norm\.", ".post_attention_layernorm."),
        (r"\.fc1\.", ".mlp.up_proj."),
        (r"\.fc2\.", ".mlp.down_proj."),
    )
    adapted = {"embed_positions.weight": lambda rows: rows[ROWS_BEFORE_POSITIONS:]}  # noqa: RUF012

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm() if config.has_final_norm else nn.Identity())
        self.model.embed_positions = Embedding(config.max_position_embeddings, config.hidden_size)
        self.is_widened = config.word_embed_proj_dim != config.hidden_size
        if self.is_widened:
            narrow, wide = config.word_embed_proj_dim, config.hidden_size
            self.model.embed_tokens, self.lm_head = (
                Embedding(config.vocab_size, narrow),
                Linear(narrow, config.vocab_size),
            )
            self.model.project_in, self.model.project_out = Linear(narrow, wide), Linear(wide, narrow)

    def embedded(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) -> (T, hidden)"""
        x = self.model.embed_tokens(ids)  # (T, word_embed_proj_dim)
        x = self.model.project_in(x) if self.is_widened else x
        return x + self.model.embed_positions(batch.positions)

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> (N, vocab_size) in float32"""
        return super().logits(self.model.project_out(hidden) if self.is_widened else hidden)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=config.enable_bias, output_bias=config.enable_bias)
    mlp = MLP(config.hidden_size, config.intermediate_size, config.activation, bias=config.enable_bias)
    kind = Layer if config.do_layer_norm_before else NormAfterLayer
    return kind(attention, mlp, config.norm)
