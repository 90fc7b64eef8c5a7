"""Rotary positions (RoPE, arXiv:2104.09864): pairs of channels turned by an angle that grows with the position.

Channels are paired half by half: i with i + rotary / 2, where `rotary` is head_dim or a part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.models.config import ConfigReader
from engine.models.possible import turned_channels
from engine.models.rope_scaling import Scaling, scaling_from
from engine.native.kernels import Kernels


@dataclass(frozen=True, slots=True)
class Rope:
    """The angles of one model. `has_factors` says that the file brings a divisor for each frequency."""

    theta: float
    scaling: Scaling | None = None
    has_factors: bool = False
    fraction: float = 1.0

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], default_theta: float = 10_000.0, default_fraction: float = 1.0
    ) -> Rope:
        """Read both spellings: rope_theta with rope_scaling, and the later rope_parameters.

        Raises CheckpointProblem for a kind of scaling that is not computed here.
        """
        reader = ConfigReader(config)
        section = reader.section("rope_parameters") or reader.section("rope_scaling")
        fraction = reader.number("partial_rotary_factor", default_fraction)
        return cls.from_section(section, reader, reader.number("rope_theta", default_theta), fraction)

    @classmethod
    def from_section(cls, section: ConfigReader | None, whole: ConfigReader, theta: float, fraction: float = 1) -> Rope:
        """Read one section of config.json; `theta` and `fraction` hold where it says nothing of them."""
        if section is None:
            return cls(theta, fraction=fraction)
        theta = section.number("rope_theta", theta)
        return cls(
            theta,
            scaling_from(section, whole, theta),
            has_factors=section.text("rope_type", "default") == "factors",
            fraction=section.number("partial_rotary_factor", fraction),
        )

    @property
    def attention_factor(self) -> float:
        """What cosines and sines are multiplied by."""
        return 1.0 if self.scaling is None else self.scaling.attention_factor

    def frequencies(self, head_dim: int) -> Tensor:
        """Angle per position of each pair of channels, (rotary / 2,) in radians.

        Raises CheckpointProblem for channels that make no pairs.
        """
        rotary = turned_channels(head_dim, self.fraction)
        exponents = torch.arange(0, rotary, 2, dtype=torch.float32, device="cpu") / rotary  # (rotary / 2,)
        frequencies = 1.0 / self.theta**exponents
        return frequencies if self.scaling is None else self.scaling.apply(frequencies)


@dataclass(frozen=True, slots=True)
class Rotation:
    """The cosines and sines of a batch's positions, each (T, 1, rotary)."""

    cosines: Tensor
    sines: Tensor
    kernels: Kernels | None = None

    def turn(self, x: Tensor) -> Tensor:
        """Turn the first `rotary` channels of (T, heads, head_dim) by the angles of their positions."""
        rotary = self.cosines.shape[-1]
        if rotary == x.shape[-1] and self.kernels is not None:
            return self.kernels.rotate(x, self.cosines, self.sines)
        if rotary == x.shape[-1]:
            return rotate(x, self.cosines, self.sines)
        return torch.cat((rotate(x[..., :rotary], self.cosines, self.sines), x[..., rotary:]), dim=-1)


def rotation(
    frequencies: Tensor,
    positions: Tensor,
    dtype: torch.dtype,
    attention_factor: float = 1.0,
    kernels: Kernels | None = None,
) -> Rotation:
    """The turn of each position, worked out in float32; the two halves of the channels are the same."""
    angles = positions.float()[:, None] * frequencies[None, :]  # (T, rotary / 2)
    angles = torch.cat((angles, angles), dim=-1)[:, None, :]  # (T, 1, rotary)
    cosines, sines = angles.cos(), angles.sin()
    if attention_factor != 1.0:
        cosines, sines = cosines * attention_factor, sines * attention_factor
    return Rotation(cosines.to(dtype), sines.to(dtype), kernels)


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Turn the pairs of (T, heads, rotary) by the angles of their positions."""
    left, right = x.chunk(2, dim=-1)  # each (T, heads, rotary / 2)
    return x * cosines + torch.cat((-right, left), dim=-1) * sines


def half_by_half(x: Tensor) -> Tensor:
    """Channels that are paired side by side, (2i, 2i + 1), put half by half: (..., D) -> (..., D)"""
    return x.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)
