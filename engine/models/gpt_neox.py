"""GPT-NeoX, the family of Pythia: parallel attention and MLP, a quarter of each head turned (arXiv:2204.06745, §2.1).

On disk the rows of queries, keys and values lie head by head; here they lie one kind after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.models.attention import Attention, kind_by_kind
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, Layer, ParallelLayer
from engine.models.mlp import MLP, Activation, activation
from engine.models.norms import LayerNorm
from engine.models.rope import Rope


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a GPT-NeoX model, from its config.json."""

    intermediate_size: int
    layer_norm_eps: float
    rope: Rope
    activation: Activation
    attention_bias: bool
    use_parallel_residual: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "partial_rotary_factor", "use_parallel_residual")
        return cls(
            **reader.sizes(context=2048),
            intermediate_size=reader.integer("intermediate_size"),
            layer_norm_eps=reader.number("layer_norm_eps", 1e-5),
            rope=Rope.from_config(config, default_fraction=0.25),
            activation=activation(reader, "hidden_act", "gelu"),
            attention_bias=reader.flag("attention_bias", True),
            use_parallel_residual=reader.flag("use_parallel_residual", True),
        )

    def norm(self) -> LayerNorm:
        """A norm as wide as the model."""
        return LayerNorm(self.hidden_size, self.layer_norm_eps)


class Model(CausalModel):
    """A GPT-NeoX model."""

    # The attention's own biases on disk are its causal mask.
    ignored = ("rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias")
    renames = (
        (r"^embed_out\.", "lm_head."),
        (r"^gpt_neox\.embed_in\.", "model.embed_tokens."),
        (r"^gpt_neox\.final_layer_norm\.", "model.norm."),
        (r"^gpt_neox\.layers\.", "model.layers."),
        (r"\.attention\.query_key_value\.", ".self_attn.qkv_proj."),
        (r"\.attention\.dense\.", ".self_attn.o_proj."),
        (r"\.mlp\.dense_h_to_4h\.", ".mlp.up_proj."),
        (r"\.mlp\.dense_4h_to_h\.", ".mlp.down_proj."),
    )

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)
        reorder = partial(kind_by_kind, groups=config.num_attention_heads, queries=1)
        self.adapted = {"qkv_proj.weight": reorder, "qkv_proj.bias": reorder}


def _layer(config: Config, index: int) -> Layer | ParallelLayer:
    bias = config.attention_bias
    attention = Attention(config, index, bias=bias, output_bias=bias, fused=True)
    mlp = MLP(config.hidden_size, config.intermediate_size, config.activation)
    if config.use_parallel_residual:
        return ParallelLayer(attention, mlp, config.norm(), config.norm())
    return Layer(attention, mlp, config.norm)
