"""Mixtures of experts: a router chooses for each token a few of many MLPs and weighs what they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Router(nn.Module):
    """Scores of the experts for each token. It is never made int8: a rounded choice is another choice."""

    def __init__(self, hidden: int, experts: int, *, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(experts, hidden), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(experts), requires_grad=False) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, experts)"""
        return F.linear(x, self.weight, self.bias)


class Mixture(nn.Module):
    """Softmax over all experts, the `chosen` best of them, their weights made to sum to one if `renormalised`."""

    def __init__(self, hidden: int, experts: Iterable[nn.Module], chosen: int, *, renormalised: bool) -> None:
        super().__init__()
        self.experts = nn.ModuleList(experts)
        self.gate = Router(hidden, len(self.experts))
        self.chosen, self.renormalised = chosen, renormalised

    def choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(T, hidden) -> weights and numbers of the chosen experts, both (T, chosen)"""
        weights, numbers = torch.softmax(self.gate(x).float(), dim=-1).topk(self.chosen, dim=-1)
        if self.renormalised:
            weights = weights / weights.sum(dim=-1, keepdim=True)
        return weights.to(x.dtype), numbers

    def forward(self, x: Tensor) -> Tensor:
        """(T, hidden) -> (T, hidden)"""
        weights, numbers = self.choose(x)
        return mix(x, weights, numbers, lambda number, rows: self.experts[number](rows))


def mix(x: Tensor, weights: Tensor, numbers: Tensor, compute: Callable[[int, Tensor], Tensor]) -> Tensor:
    """The weighted sum of what the chosen experts give; `compute(number, rows)` is one expert over all its tokens."""
    mixed = torch.zeros_like(x)  # (T, hidden)
    for number in numbers.unique().tolist():
        tokens, places = (numbers == number).nonzero(as_tuple=True)  # each (tokens of this expert,)
        mixed.index_add_(0, tokens, compute(number, x[tokens]) * weights[tokens, places, None])
    return mixed


def best_groups(scores: Tensor, group_scores: Tensor, chosen: int) -> Tensor:
    """Where an expert belongs to one of the `chosen` best groups: (T, experts), (T, groups) -> bool (T, experts)"""
    best = group_scores.topk(chosen, dim=-1).indices  # (T, chosen)
    allowed = torch.zeros_like(group_scores, dtype=torch.bool).scatter_(1, best, True)  # (T, groups)
    return allowed.repeat_interleave(scores.shape[-1] // group_scores.shape[-1], dim=-1)
