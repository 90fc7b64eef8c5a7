"""Rotary positions (RoPE, arXiv:2104.09864): pairs of channels turned by an angle that grows with the position.

Channels are paired half by half: i with i + head_dim / 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.errors import CheckpointProblem
from engine.models.config import ConfigReader


@dataclass(frozen=True, slots=True)
class Llama3Scaling:
    """Llama 3.1's scaling: long waves are stretched by `factor`, short ones kept, those between blended."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_context: int

    def apply(self, frequencies: Tensor) -> Tensor:
        """(head_dim / 2,) -> (head_dim / 2,)"""
        wavelength = 2 * math.pi / frequencies  # (head_dim / 2,)
        low, high = self.low_frequency_factor, self.high_frequency_factor
        kept = ((self.original_context / wavelength - low) / (high - low)).clamp(0.0, 1.0)
        return frequencies * ((1 - kept) / self.factor + kept)


@dataclass(frozen=True, slots=True)
class LinearScaling:
    """Position interpolation (arXiv:2306.15595): all waves are stretched by `factor`."""

    factor: float

    def apply(self, frequencies: Tensor) -> Tensor:
        """(head_dim / 2,) -> (head_dim / 2,)"""
        return frequencies / self.factor


@dataclass(frozen=True, slots=True)
class Rope:
    """The angles of one model. `has_factors` says that the file brings a divisor for each frequency."""

    theta: float
    scaling: Llama3Scaling | LinearScaling | None = None
    has_factors: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any], default_theta: float = 10_000.0) -> Rope:
        """Read both spellings: rope_theta with rope_scaling, and the later rope_parameters.

        Raises CheckpointProblem for a kind of scaling that is not computed here.
        """
        reader = ConfigReader(config)
        section = reader.section("rope_parameters") or reader.section("rope_scaling")
        theta = reader.number("rope_theta", default_theta)
        if section is None:
            return cls(theta)
        theta = section.number("rope_theta", theta)
        kind = section.text("rope_type", section.text("type", "default"))
        if kind == "default":
            return cls(theta)
        if kind == "factors":
            return cls(theta, has_factors=True)
        if kind == "linear":
            return cls(theta, LinearScaling(section.number("factor")))
        if kind == "llama3":
            return cls(theta, _llama3(section))
        raise CheckpointProblem(
            f"config.json asks for rope scaling of the kind {kind!r}; default, linear and llama3 are computed here",
            code="unsupported_config",
            hint="The answers would be wrong in silence, so the checkpoint is refused.",
        )

    def frequencies(self, head_dim: int) -> Tensor:
        """Angle per position of each pair of channels, (head_dim / 2,) in radians."""
        exponents = torch.arange(0, head_dim, 2, dtype=torch.float32, device="cpu") / head_dim  # (head_dim / 2,)
        frequencies = 1.0 / self.theta**exponents
        return frequencies if self.scaling is None else self.scaling.apply(frequencies)


def rotations(frequencies: Tensor, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines for each position, both (T, 1, head_dim); the two halves of the channels are the same."""
    angles = positions.float()[:, None] * frequencies[None, :]  # (T, head_dim / 2)
    angles = torch.cat((angles, angles), dim=-1)[:, None, :]  # (T, 1, head_dim)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Turn the pairs of (T, heads, head_dim) by the angles of their positions."""
    left, right = x.chunk(2, dim=-1)  # each (T, heads, head_dim / 2)
    return x * cosines + torch.cat((-right, left), dim=-1) * sines


def _llama3(section: ConfigReader) -> Llama3Scaling:
    return Llama3Scaling(
        factor=section.number("factor"),
        low_frequency_factor=section.number("low_freq_factor"),
        high_frequency_factor=section.number("high_freq_factor"),
        original_context=section.integer("original_max_position_embeddings"),
    )
