"""Gemma 2: Gemma with norms on both sides, windows on every second layer, soft caps (arXiv:2408.00118)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import SandwichLayer
from engine.models.gated import gated_sizes
from engine.models.gemma import GemmaModel, GemmaSizes
from engine.models.mlp import activation


@dataclass(frozen=True, slots=True)
class Config(GemmaSizes):
    """The numbers of a Gemma 2 model, from its config.json."""

    attention_bias: bool
    query_pre_attn_scalar: float
    windows: tuple[int | None, ...]
    attn_logit_softcapping: float | None
    final_logit_softcapping: float | None

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign(
            "attention_bias",
            "attn_logit_softcapping",
            "final_logit_softcapping",
            "layer_types",
            "query_pre_attn_scalar",
            "sliding_window",
        )
        sizes = gated_sizes(config, reader, context=8192, head_dim=256, tied=True)
        sizes["activation"] = activation(reader, "hidden_activation", "gelu_pytorch_tanh")
        return cls(
            **sizes,
            attention_bias=reader.flag("attention_bias", False),
            query_pre_attn_scalar=reader.number("query_pre_attn_scalar", 256),
            windows=reader.windows(lambda layer: layer % 2 == 0),
            attn_logit_softcapping=reader.optional_number("attn_logit_softcapping"),
            final_logit_softcapping=reader.optional_number("final_logit_softcapping"),
        )


class Model(GemmaModel):
    """A Gemma 2 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)
        self.softcap = config.final_logit_softcapping

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> (N, vocab_size) in float32"""
        logits = super().logits(hidden)
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)


def _layer(config: Config, index: int) -> SandwichLayer:
    attention = Attention(config, index, bias=config.attention_bias, output_bias=config.attention_bias)
    attention.scale = config.query_pre_attn_scalar**-0.5
    attention.window = config.windows[index]
    attention.softcap = config.attn_logit_softcapping
    return SandwichLayer(attention, config.gated_mlp(), config.norm)
