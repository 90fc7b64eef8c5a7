"""Models whose windowed layers turn their keys by other angles than the layers that see everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from engine.models.config import ConfigReader, Sizes
from engine.models.decoder import CausalModel
from engine.models.layers import Batch
from engine.models.rope import Rope, rotation


class TwoRopesModel(CausalModel):
    """`rope` is for the layers that see everything, `near_rope` for those with a window."""

    def __init__(
        self, sizes: Sizes, layers: Iterable[nn.Module], norm: nn.Module, *, rope: Rope, near_rope: Rope
    ) -> None:
        super().__init__(sizes, layers, norm, rope=rope)
        self.near_rope = near_rope
        self.near_frequencies: Tensor | None = None

    def finish_loading(self) -> None:
        """As every family does, with the second set of angles."""
        super().finish_loading()
        self.near_frequencies = self.near_rope.frequencies(self.rotary_width).to(self.frequencies.device)

    def forward(self, ids: Tensor, batch: Batch) -> Tensor:
        """(T,) ids -> (T, hidden), normed and ready for `logits`"""
        x = self.embedded(ids, batch)  # (T, hidden)
        far = self.rotation(batch, x.dtype)
        near = rotation(self.near_frequencies, batch.positions, x.dtype, self.near_rope.attention_factor)
        for layer in self.model.layers:
            x = layer(x, batch, far if layer.self_attn.window is None else near)
        return self.model.norm(x)


def two_ropes(config: Mapping[str, Any], theta: float, near_theta: float) -> tuple[Rope, Rope]:
    """The angles of full and of windowed layers, from either spelling; old files scale only those of full layers."""
    reader = ConfigReader(config)
    nested = reader.section("rope_parameters")
    if nested is not None and nested.has("full_attention"):
        full, near = nested.section("full_attention"), nested.section("sliding_attention")
        return Rope.from_section(full, reader, theta), Rope.from_section(near, reader, near_theta)
    far = Rope.from_section(nested or reader.section("rope_scaling"), reader, reader.number("rope_theta", theta))
    return far, Rope(near_theta)
