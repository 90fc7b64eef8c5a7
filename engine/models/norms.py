"""Norms beside the plain RMSNorm: what families put before, after and inside their layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm(nn.Module):
    """(x - mean) / deviation * w + b (arXiv:1607.06450); weight and bias can be left out."""

    def __init__(self, width: int, epsilon: float, *, weight: bool = True, bias: bool = True) -> None:
        super().__init__()
        self.width, self.epsilon = (width,), epsilon
        self.weight = nn.Parameter(torch.empty(width), requires_grad=False) if weight else None
        self.bias = nn.Parameter(torch.empty(width), requires_grad=False) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)"""
        return F.layer_norm(x, self.width, self.weight, self.bias, self.epsilon)


class OffsetRMSNorm(nn.Module):
    """x / rms(x) * (1 + w), all of it in float32, as Gemma does."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width), requires_grad=False)
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)"""
        wide = x.float()
        mean_square = wide.square().mean(dim=-1, keepdim=True)  # (..., 1)
        return (wide * torch.rsqrt(mean_square + self.epsilon) * (1.0 + self.weight.float())).to(x.dtype)
