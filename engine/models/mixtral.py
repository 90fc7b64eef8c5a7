"""Mixtral: Mistral with a mixture of experts in place of each MLP (arXiv:2401.04088)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.attention import Attention
from engine.models.config import ConfigReader
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.moe import Mixture


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a Mixtral model, from its config.json."""

    sliding_window: int | None
    num_local_experts: int
    num_experts_per_tok: int

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("sliding_window", "num_local_experts")
        return cls(
            **gated_sizes(config, reader, theta=1_000_000.0, epsilon=1e-5),
            sliding_window=reader.optional_integer("sliding_window"),
            num_local_experts=reader.integer("num_local_experts", 8),
            num_experts_per_tok=reader.integer("num_experts_per_tok", 2),
        )


class Model(CausalModel):
    """A Mixtral model."""

    renames = (
        (r"\.block_sparse_moe\.", ".mlp."),
        (r"\.w1\.", ".gate_proj."),
        (r"\.w2\.", ".down_proj."),
        (r"\.w3\.", ".up_proj."),
    )

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    attention = Attention(config, index)
    attention.window = config.sliding_window
    experts = (config.gated_mlp() for _ in range(config.num_local_experts))
    mixture = Mixture(config.hidden_size, experts, config.num_experts_per_tok, renormalised=True)
    return Layer(attention, mixture, config.norm)
