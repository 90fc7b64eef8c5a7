"""How rotary frequencies are stretched for contexts longer than those a model was first trained with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.config import ConfigReader, refused


@dataclass(frozen=True, slots=True)
class LinearScaling:
    """Position interpolation (arXiv:2306.15595): all waves are stretched by `factor`."""

    factor: float
    attention_factor: float = 1.0

    def apply(self, frequencies: Tensor) -> Tensor:
        """(rotary / 2,) -> (rotary / 2,)"""
        return frequencies / self.factor


@dataclass(frozen=True, slots=True)
class Llama3Scaling:
    """Llama 3.1's scaling: long waves are stretched by `factor`, short ones kept, those between blended."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_context: int
    attention_factor: float = 1.0

    def apply(self, frequencies: Tensor) -> Tensor:
        """(rotary / 2,) -> (rotary / 2,)"""
        wavelength = 2 * math.pi / frequencies  # (rotary / 2,)
        low, high = self.low_frequency_factor, self.high_frequency_factor
        kept = ((self.original_context / wavelength - low) / (high - low)).clamp(0.0, 1.0)
        return frequencies * ((1 - kept) / self.factor + kept)


@dataclass(frozen=True, slots=True)
class YarnScaling:
    """YaRN (arXiv:2309.00071, §3): the blend runs over the channels between two numbers of turns in the context."""

    factor: float
    theta: float
    original_context: int
    attention_factor: float
    fast_turns: float = 32.0
    slow_turns: float = 1.0
    truncate: bool = True

    def apply(self, frequencies: Tensor) -> Tensor:
        """(rotary / 2,) -> (rotary / 2,)"""
        pairs = frequencies.shape[0]
        low, high = self._channel(self.fast_turns, pairs), self._channel(self.slow_turns, pairs)
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, 2 * pairs - 1)
        width = high - low if high != low else 0.001
        stretched = ((torch.arange(pairs, dtype=torch.float32, device="cpu") - low) / width).clamp(0.0, 1.0)
        return frequencies * (stretched / self.factor + 1 - stretched)

    def _channel(self, turns: float, pairs: int) -> float:
        """The pair of channels, as a fraction, that turns so often within the original context."""
        return pairs * math.log(self.original_context / (turns * 2 * math.pi)) / math.log(self.theta)


@dataclass(frozen=True, slots=True)
class LongScaling:
    """LongRoPE (arXiv:2402.13753) within the original context: each frequency has its own short divisor.

    The long divisors would change every key already computed when a text grows beyond the original context, so
    families with this scaling end their context there.
    """

    divisors: tuple[float, ...]
    attention_factor: float
    original_context: int

    def apply(self, frequencies: Tensor) -> Tensor:
        """(rotary / 2,) -> (rotary / 2,)"""
        return frequencies / torch.tensor(self.divisors, dtype=torch.float32, device="cpu")


Scaling = LinearScaling | Llama3Scaling | YarnScaling | LongScaling


def scaling_from(section: ConfigReader, whole: ConfigReader, theta: float) -> Scaling | None:
    """The scaling of a rope section. Raises CheckpointProblem for a kind that is not computed here."""
    kind = section.text("rope_type", section.text("type", "default"))
    if kind in ("default", "factors"):
        return None
    if kind == "linear":
        return LinearScaling(section.number("factor"))
    if kind == "llama3":
        return Llama3Scaling(
            factor=section.number("factor"),
            low_frequency_factor=section.number("low_freq_factor"),
            high_frequency_factor=section.number("high_freq_factor"),
            original_context=section.integer("original_max_position_embeddings"),
        )
    if kind == "yarn":
        return _yarn(section, whole, theta)
    if kind in ("longrope", "su"):
        return _long(section, whole)
    raise refused(f"rope scaling of the kind {kind!r}")


def magnitude(factor: float, strength: float = 1.0) -> float:
    """YaRN's growth of attention with the stretch (arXiv:2309.00071, §3.4)."""
    return 1.0 if factor <= 1 else 0.1 * strength * math.log(factor) + 1.0


def _yarn(section: ConfigReader, whole: ConfigReader, theta: float) -> YarnScaling:
    original = _original_context(section, whole)
    factor = section.optional_number("factor") or whole.integer("max_position_embeddings") / original
    attention_factor = section.optional_number("attention_factor")
    if attention_factor is None:
        attention_factor = magnitude(factor)
        over, under = section.number("mscale", 0.0), section.number("mscale_all_dim", 0.0)
        if over and under:
            attention_factor = magnitude(factor, over) / magnitude(factor, under)
    return YarnScaling(
        factor=factor,
        theta=theta,
        original_context=original,
        attention_factor=attention_factor,
        fast_turns=section.number("beta_fast", 32.0),
        slow_turns=section.number("beta_slow", 1.0),
        truncate=section.flag("truncate", True),
    )


def _long(section: ConfigReader, whole: ConfigReader) -> LongScaling:
    original = _original_context(section, whole)
    attention_factor = section.optional_number("attention_factor")
    if attention_factor is None:
        factor = section.optional_number("factor") or whole.integer("max_position_embeddings") / original
        attention_factor = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))
    return LongScaling(section.items("short_factor", int | float), attention_factor, original)


def _original_context(section: ConfigReader, whole: ConfigReader) -> int:
    if whole.has("original_max_position_embeddings"):
        return whole.integer("original_max_position_embeddings")
    return section.integer("original_max_position_embeddings", whole.integer("max_position_embeddings"))
