"""GLM-4: norms on both sides, half of each head turned pair by pair, joined gate and up (arXiv:2406.12793)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, SandwichLayer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.rope import Rotation, half_by_half


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a GLM-4 model, from its config.json."""

    attention_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "partial_rotary_factor")
        half = {"partial_rotary_factor": reader.number("partial_rotary_factor", 0.5)}
        sizes = gated_sizes(dict(config) | half, reader, epsilon=1.5625e-7, context=131072, head_dim=128)
        return cls(**sizes, attention_bias=reader.flag("attention_bias", True))


class PairwiseAttention(Attention):
    """Attention whose turned channels lie side by side on disk; queries and keys change places alike."""

    def prepared(self, joined: Tensor, rotation: Rotation) -> Tensor:
        """(T, heads + kv_heads, D) -> the same, turned"""
        rotary = rotation.cosines.shape[-1]
        turned = rotation.turn(half_by_half(joined[..., :rotary]))
        return torch.cat((turned, joined[..., rotary:]), dim=-1)


class Model(CausalModel):
    """A GLM-4 model."""

    # The order matters: the name on disk of one norm is here the name of another.
    renames = (
        (r"\.post_attention_layernorm\.", ".pre_feedforward_layernorm."),
        (r"\.post_self_attn_layernorm\.", ".post_attention_layernorm."),
        (r"\.post_mlp_layernorm\.", ".post_feedforward_layernorm."),
    )

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> SandwichLayer:
    attention = PairwiseAttention(config, index, bias=config.attention_bias)
    return SandwichLayer(attention, config.gated_mlp(fused=True), config.norm)
