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
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a Llama model, from its config.json."""

    attention_bias: bool
    mlp_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias", "mlp_bias")
        return cls(
            **gated_sizes(config, reader, context=2048),
            attention_bias=reader.flag("attention_bias", False),
            mlp_bias=reader.flag("mlp_bias", False),
        )


class Model(CausalModel):
    """A Llama model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)
        if config.rope.has_factors:
            self.model.rope_factors = nn.Parameter(torch.empty(config.head_dim // 2), requires_grad=False)

    def finish_loading(self) -> None:
        """As every family does; a file may bring divisors for the rotary frequencies."""
        super().finish_loading()
        if self.rope.has_factors:
            self.frequencies = self.frequencies / self.model.rope_factors.float()  # (head_dim / 2,)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=config.attention_bias, output_bias=config.attention_bias)
    return Layer(attention, config.gated_mlp(bias=config.mlp_bias), config.norm)
