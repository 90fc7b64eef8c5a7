"""The feed-forward halves of a layer, plain and gated, and the activations that config.json can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.config import ConfigReader, refused
from engine.models.layers import Linear, fuse
from engine.native.kernels import Kernels

Activation = Callable[[Tensor], Tensor]


def tanh_gelu(x: Tensor) -> Tensor:
    """GELU by its tanh approximation (arXiv:1606.08415, §2)."""
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: Mapping[str, Activation] = {
    "silu": F.silu,
    "swish": F.silu,
    "gelu": F.gelu,
    "gelu_new": tanh_gelu,
    "gelu_fast": tanh_gelu,
    "gelu_pytorch_tanh": tanh_gelu,
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
}


def activation(reader: ConfigReader, key: str, default: str) -> Activation:
    """The activation that config.json names. Raises CheckpointProblem for one that is not computed here."""
    name = reader.text(key, default)
    if name not in ACTIVATIONS:
        raise refused(f"{key} = {name!r}")
    return ACTIVATIONS[name]


class MLP(nn.Module):
    """down(activation(up(x)))"""

    def __init__(self, hidden: int, inner: int, activation: Activation, *, bias: bool = True) -> None:
        super().__init__()
        self.up_proj = Linear(hidden, inner, bias=bias)
        self.down_proj = Linear(inner, hidden, bias=bias)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        return self.down_proj(self.activation(self.up_proj(x)))


class GatedMLP(nn.Module):
    """down(activation(gate(x)) * up(x)) (arXiv:2002.05202). One product gives gate and up."""

    def __init__(
        self, hidden: int, inner: int, activation: Activation, *, bias: bool = False, fused: bool = False
    ) -> None:
        super().__init__()
        self.fused = fused
        if fused:
            self.gate_up_proj = Linear(hidden, 2 * inner, bias=bias)
        else:
            self.gate_proj = Linear(hidden, inner, bias=bias)
            self.up_proj = Linear(hidden, inner, bias=bias)
        self.down_proj = Linear(inner, hidden, bias=bias)
        self.activation = activation
        self.kernels: Kernels | None = None

    def fuse(self) -> None:
        """Join the two input projections into one."""
        if not self.fused:
            self.gate_up_proj = fuse([self.gate_proj, self.up_proj])
            del self.gate_proj, self.up_proj
            self.fused = True

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        joined = self.gate_up_proj(x)  # (T, 2 intermediate)
        if self.kernels is not None and self.activation is F.silu:
            return self.down_proj(self.kernels.swiglu(joined))
        gate, up = joined.chunk(2, dim=-1)  # each (T, intermediate)
        return self.down_proj(self.activation(gate) * up)
