"""What nearly all families since Llama have: RMSNorm, rotary positions and a gated MLP, by the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.config import ConfigReader, Sizes
from engine.models.layers import RMSNorm
from engine.models.mlp import Activation, GatedMLP, activation
from engine.models.rope import Rope


@dataclass(frozen=True, slots=True)
class GatedSizes(Sizes):
    """The numbers of such a decoder, and the parts that follow from them."""

    intermediate_size: int
    rms_norm_eps: float
    rope: Rope
    activation: Activation

    def norm(self) -> RMSNorm:
        """A norm as wide as the model."""
        return RMSNorm(self.hidden_size, self.rms_norm_eps)

    def gated_mlp(self, *, bias: bool = False, fused: bool = False) -> GatedMLP:
        """The feed-forward half of a layer."""
        return GatedMLP(self.hidden_size, self.intermediate_size, self.activation, bias=bias, fused=fused)


def gated_sizes(
    config: Mapping[str, Any],
    reader: ConfigReader,
    *,
    theta: float = 10_000.0,
    epsilon: float = 1e-6,
    context: int | None = None,
    head_dim: int | None = None,
    tied: bool = False,
) -> dict[str, Any]:
    """The fields of `GatedSizes`; the arguments are the family's defaults. Raises CheckpointProblem as `sizes` does."""
    return reader.sizes(context=context, head_dim=head_dim, tied=tied) | {
        "intermediate_size": reader.integer("intermediate_size"),
        "rms_norm_eps": reader.number("rms_norm_eps", epsilon),
        "rope": Rope.from_config(config, theta),
        "activation": activation(reader, "hidden_act", "silu"),
    }
