"""Llama: RMSNorm, rotary positions, grouped-query attention, SwiGLU (arXiv:2302.13971, arXiv:2307.09288).

SmolLM2, TinyLlama, Yi and others are this family under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engine.models.attention import Attention
from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel, Layer
from engine.models.layers import RMSNorm
from engine.models.mlp import Activation, GatedMLP, activation
from engine.models.rope import Rope


@dataclass(frozen=True, slots=True)
class Config(Sizes):
    """The numbers of a Llama model, from its config.json."""

    intermediate_size: int
    rms_norm_eps: float
    rope: Rope
    activation: Activation
    attention_bias: bool
    mlp_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "mlp_bias")
        return cls(
            **reader.sizes(context=2048),
            intermediate_size=reader.integer("intermediate_size"),
            rms_norm_eps=reader.number("rms_norm_eps", 1e-6),
            rope=Rope.from_config(config),
            activation=activation(reader, "hidden_act", "silu"),
            attention_bias=reader.flag("attention_bias", False),
            mlp_bias=reader.flag("mlp_bias", False),
        )


class Model(CausalModel):
    """A Llama model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            config,
            layers=(_layer(config, index) for index in range(config.num_hidden_layers)),
            norm=RMSNorm(config.hidden_size, config.rms_norm_eps),
            rope=config.rope,
        )
        if config.rope.has_factors:
            self.model.rope_factors = nn.Parameter(torch.empty(config.head_dim // 2), requires_grad=False)

    def finish_loading(self) -> None:
        """As every family does; a file may bring divisors for the rotary frequencies."""
        super().finish_loading()
        if self.rope.has_factors:
            self.frequencies = self.frequencies / self.model.rope_factors.float()  # (head_dim / 2,)


def _layer(config: Config, index: int) -> Layer:
    bias = config.attention_bias
    return Layer(
        Attention(config, index, bias=bias, output_bias=bias),
        GatedMLP(config.hidden_size, config.intermediate_size, config.activation, bias=config.mlp_bias),
        norm=lambda: RMSNorm(config.hidden_size, config.rms_norm_eps),
    )
