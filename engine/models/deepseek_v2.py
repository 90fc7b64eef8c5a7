"""DeepSeek-V2: latent attention, and experts chosen by a softmax, at choice from a few groups (arXiv:2405.04434)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.config import ConfigReader, refused
from engine.models.decoder import CausalModel, Layer
from engine.models.latent import COMPUTED, LatentAttention, LatentSizes, SharedExpertsMixture, latent_sizes
from engine.models.moe import Router, best_groups

METHODS = ("greedy", "group_limited_greedy")


@dataclass(frozen=True, slots=True)
class Config(LatentSizes):
    """The numbers of a DeepSeek-V2 model, from its config.json."""

    topk_method: str

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign(*COMPUTED)
        method = reader.text("topk_method", "greedy")
        if method not in METHODS:
            raise refused(f"topk_method = {method!r}")
        if reader.text("scoring_func", "softmax") != "softmax":
            raise refused(f"scoring_func = {reader.text('scoring_func')!r}")
        if reader.flag("norm_topk_prob", False):
            raise refused("norm_topk_prob = True")
        return cls(**latent_sizes(config, reader), topk_method=method)


class Gate(Router):
    """Softmax over all experts; the best of them, or the best of the groups whose best expert is best."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.hidden_size, config.n_routed_experts)
        self.config = config

    def choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(T, hidden) -> float32 weights and numbers of the chosen experts, both (T, chosen)"""
        config = self.config
        scores = torch.softmax(self(x).float(), dim=-1)  # (T, experts)
        if config.topk_method == "group_limited_greedy":
            grouped = scores.view(len(scores), config.groups, -1).amax(dim=-1)  # (T, groups)
            scores = scores.masked_fill(~best_groups(scores, grouped, config.chosen_groups), 0.0)
        weights, numbers = scores.topk(config.num_experts_per_tok, dim=-1)
        return weights, numbers


class Model(CausalModel):
    """A DeepSeek-V2 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope, rotary_width=config.qk_rope_head_dim)


def _layer(config: Config, index: int) -> Layer:
    mlp: nn.Module = config.gated_mlp(bias=config.mlp_bias)
    if index >= config.first_k_dense_replace:
        mlp = SharedExpertsMixture(config, Gate(config))
    return Layer(LatentAttention(config, index), mlp, config.norm)
