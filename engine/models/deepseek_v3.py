"""DeepSeek-V3 and R1: latent attention, and experts chosen by sigmoids with a correction (arXiv:2412.19437, §2.1).

The layers that predict tokens beyond the next one are left out.
"""

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


@dataclass(frozen=True, slots=True)
class Config(LatentSizes):
    """The numbers of a DeepSeek-V3 model, from its config.json."""

    norm_topk_prob: bool
    layers_beyond: int

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Config:
        """Read config.json. Raises CheckpointProblem for what is missing, impossible or not computed here."""
        reader = ConfigReader(config)
        reader.refuse_foreign(*COMPUTED, "num_local_experts")
        for key, computed in {"topk_method": "noaux_tc", "scoring_func": "sigmoid"}.items():
            if reader.text(key, computed) != computed:
                raise refused(f"{key} = {reader.text(key)!r}")
        beyond = "num_nextn_predict_layers" if reader.has("num_nextn_predict_layers") else "num_mtp_layers"
        return cls(
            **latent_sizes(config, reader),
            norm_topk_prob=reader.flag("norm_topk_prob", True),
            layers_beyond=reader.count(beyond, 0),
        )


class Gate(Router):
    """Sigmoids of all experts; a correction counts for the choice of groups and experts, not for their weights."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.hidden_size, config.n_routed_experts)
        self.config = config
        self.e_score_correction_bias = nn.Parameter(torch.empty(config.n_routed_experts), requires_grad=False)

    def choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(T, hidden) -> float32 weights and numbers of the chosen experts, both (T, chosen)"""
        config = self.config
        scores = torch.sigmoid(self(x).float())  # (T, experts)
        wanted = scores + self.e_score_correction_bias.float()  # (T, experts)
        grouped = wanted.view(len(scores), config.groups, -1).topk(2, dim=-1).values.sum(dim=-1)  # (T, groups)
        wanted = wanted.masked_fill(~best_groups(scores, grouped, config.chosen_groups), -torch.inf)
        numbers = wanted.topk(config.num_experts_per_tok, dim=-1).indices  # (T, chosen)
        weights = scores.gather(1, numbers)  # (T, chosen)
        if config.norm_topk_prob:
            weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)
        return weights, numbers


class Model(CausalModel):
    """A DeepSeek-V3 model. Named as its checkpoints name it."""

    def __init__(self, config: Config) -> None:
        layers = (_layer(config, index) for index in range(config.num_hidden_layers))
        super().__init__(config, layers, config.norm(), rope=config.rope, rotary_width=config.qk_rope_head_dim)
        beyond = range(config.num_hidden_layers, config.num_hidden_layers + config.layers_beyond)
        self.ignored_beginnings = tuple(f"model.layers.{index}." for index in beyond)


def _layer(config: Config, index: int) -> Layer:
    mlp: nn.Module = config.gated_mlp(bias=config.mlp_bias)
    if index >= config.first_k_dense_replace:
        mlp = SharedExpertsMixture(config, Gate(config))
    return Layer(LatentAttention(config, index), mlp, config.norm)
