"""Attention with linear biases (ALiBi, arXiv:2108.12409): what is farther away weighs less, each head by its slope."""

from __future__ import annotations

import torch
from torch import Tensor


def alibi_slopes(heads: int) -> Tensor:
    """How much each head takes from a score for each token of distance, (heads,).

    A geometric series for a power of two; the heads beyond it take every second one of the next finer series (§3).
    """
    whole = 1 << (heads.bit_length() - 1)
    slopes = _series(whole) + _series(2 * whole)[::2][: heads - whole]
    return torch.tensor(slopes, dtype=torch.float32, device="cpu")


def _series(heads: int) -> list[float]:
    return [2.0 ** (-8.0 * (index + 1) / heads) for index in range(heads)]
