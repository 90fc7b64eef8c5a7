"""StableLM: LayerNorm, a quarter of each head turned, SwiGLU (arXiv:2402.17834).

Some of its models set attention and MLP side by side, and give every head a norm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.attention import Attention
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, Layer, ParallelLayer
from engine.models.mlp import Activation, GatedMLP, activation
from engine.models.norms import LayerNorm
from engine.models.rope import Rope, Rotation


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a StableLM model, from its config.json."""

    intermediate_size: int
    layer_norm_eps: float
    rope: Rope
    activation: Activation
    use_qkv_bias: bool
    qk_layernorm: bool
    use_parallel_residual: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("partial_rotary_factor", "qk_layernorm", "use_parallel_residual", "use_qkv_bias")
        return cls(
            **reader.sizes(context=4096),
            intermediate_size=reader.integer("intermediate_size"),
            layer_norm_eps=reader.number("layer_norm_eps", 1e-5),
            rope=Rope.from_config(config, default_fraction=0.25),
            activation=activation(reader, "hidden_act", "silu"),
            use_qkv_bias=reader.flag("use_qkv_bias", False),
            qk_layernorm=reader.flag("qk_layernorm", False),
            use_parallel_residual=reader.flag("use_parallel_residual", False),
        )

    def norm(self) -> LayerNorm:
        """A norm as wide as the model."""
        return LayerNorm(self.hidden_size, self.layer_norm_eps)


class HeadNorms(nn.Module):
    """A LayerNorm for every head, each with its own weight."""

    def __init__(self, heads: int, width: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.norms = nn.ModuleList(LayerNorm(width, epsilon, bias=False) for _ in range(heads))

    def forward(self, x: Tensor) -> Tensor:
        """(T, heads, D) -> (T, heads, D)"""
        weight = torch.stack([norm.weight for norm in self.norms])  # (heads, D)
        return F.layer_norm(x, x.shape[-1:], eps=self.epsilon) * weight


class NormedHeadsAttention(Attention):
    """Attention whose heads of queries and keys each have a norm of their own."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__(config, layer, bias=config.use_qkv_bias)
        self.q_layernorm = HeadNorms(self.heads, self.head_dim, config.layer_norm_eps)
        self.k_layernorm = HeadNorms(self.kv_heads, self.head_dim, config.layer_norm_eps)

    def prepared(self, joined: Tensor, rotation: Rotation | None) -> Tensor:
        """(T, heads + kv_heads, D) -> the same, normed and turned"""
        queries, keys = self.q_layernorm(joined[:, : self.heads]), self.k_layernorm(joined[:, self.heads :])
        return super().prepared(torch.cat((queries, keys), dim=1), rotation)


class Model(CausalModel):
    """A StableLM model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer | ParallelLayer:
    if config.qk_layernorm:
        attention: Attention = NormedHeadsAttention(config, index)
    else:
        attention = Attention(config, index, bias=config.use_qkv_bias)
    mlp = GatedMLP(config.hidden_size, config.intermediate_size, config.activation)
    if config.use_parallel_residual:
        return ParallelLayer(attention, mlp, config.norm(), second=None)
    return Layer(attention, mlp, config.norm)
