"""minimind 2 (https://github.com/jingyaogong/minimind): a Llama, whose larger one has experts in place of its MLPs.

Its third generation is a Qwen3 and is read as one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from engine.models.attention import Attention
from engine.models.config import ConfigReader, refused
from engine.models.decoder import CausalModel, Layer
from engine.models.gated import GatedSizes, gated_sizes
from engine.models.mlp import GatedMLP
from engine.models.moe import Mixture

LARGEST_MULTIPLE = 64


@dataclass(frozen=True, slots=True)
class Config(GatedSizes):
    """The numbers of a minimind model, from its config.json; without experts `use_moe` is False."""

    use_moe: bool
    n_routed_experts: int
    n_shared_experts: int
    num_experts_per_tok: int
    norm_topk_prob: bool

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign("n_routed_experts")
        if reader.flag("inference_rope_scaling", False):
            raise refused("inference_rope_scaling = True")
        if reader.text("scoring_func", "softmax") != "softmax":
            raise refused(f"scoring_func = {reader.text('scoring_func')!r}")
        inner = LARGEST_MULTIPLE * math.ceil(int(reader.integer("hidden_size") * 8 / 3) / LARGEST_MULTIPLE)
        filled = {**config, "intermediate_size": reader.integer("intermediate_size", inner)}
        return cls(
            **gated_sizes(filled, ConfigReader(filled), theta=1e6, epsilon=1e-5, context=32768, tied=True),
            use_moe=reader.flag("use_moe", False),
            n_routed_experts=reader.integer("n_routed_experts", 4),
            n_shared_experts=reader.count("n_shared_experts", 1),
            num_experts_per_tok=reader.integer("num_experts_per_tok", 2),
            norm_topk_prob=reader.flag("norm_topk_prob", True),
        )

    def experts(self, count: int) -> list[GatedMLP]:
        """So many MLPs of the same size."""
        return [self.gated_mlp() for _ in range(count)]


class SharedMixture(Mixture):
    """A mixture beside experts that see every token; what those give is added."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            config.hidden_size,
            config.experts(config.n_routed_experts),
            config.num_experts_per_tok,
            # One expert alone keeps its own probability as its weight.
            renormalised=config.norm_topk_prob and config.num_experts_per_tok > 1,
        )
        self.shared_experts = nn.ModuleList(config.experts(config.n_shared_experts))

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        mixed = super().forward(x)
        for expert in self.shared_experts:
            mixed = mixed + expert(x)
        return mixed


class Model(CausalModel):
    """A minimind model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope)


def _layer(config: Config, index: int) -> Layer:
    return Layer(Attention(config, index), SharedMixture(config) if config.use_moe else config.gated_mlp(), config.norm)
