"""Gemma: scaled embeddings, RMSNorm times 1 + w, tanh-GELU gates, tied output (arXiv:2403.08295)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.layers import Batch
from engine.models.mlp import Activation, activation, tanh_gelu
from engine.models.norms import OffsetRMSNorm


@dataclass(frozen=True, slots=True)
class GemmaSizes(GatedSizes):
    """What all Gemma families have."""

    def norm(self) -> OffsetRMSNorm:
        """A norm as wide as the model."""
        return OffsetRMSNorm(self.hidden_size, self.rms_norm_eps)


@dataclass(frozen=True, slots=True)
class Config(GemmaSizes):
    """The numbers of a Gemma model, from its config.json."""

    attention_bias: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("attention_bias")
        sizes = gated_sizes(config, reader, context=8192, head_dim=256, tied=True) | {"activation": _activation(reader)}
        return cls(**sizes, attention_bias=reader.flag("attention_bias", False))


class GemmaModel(CausalModel):
    """What all Gemma families do with ids: embeddings times the root of their width, rounded as the weights are."""

    def embedded(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) -> (T, hidden)"""
        x = self.model.embed_tokens(ids)  # (T, hidden)
        return x * torch.tensor(x.shape[-1] ** 0.5, dtype=x.dtype)


class Model(GemmaModel):
    """A Gemma model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _activation(reader: ConfigReader) -> Activation:
    """Old files say gelu and mean its tanh approximation, as the released models were trained."""
    if reader.has("hidden_activation"):
        return activation(reader, "hidden_activation", "gelu_pytorch_tanh")
    return tanh_gelu if reader.text("hidden_act", "gelu") == "gelu" else activation(reader, "hidden_act", "gelu")


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index, bias=config.attention_bias, output_bias=config.attention_bias)
    return Layer(attention, config.gated_mlp(), config.norm)
