"""Tiny mini-deepseek checkpoints as its scripts save them, and what its code computes, over whole sequences."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

LAYERS, HEADS, NOPE, ROPE, VALUE, WIDTH, ROWS = 4, 2, 16, 16, 32, 128, 320
EXPERTS, SHARED, CHOSEN = 4, 2, 1
Weights = dict[str, Tensor]


@dataclass
class RLConfig:
    """The training's settings, which reinforcement learning pickles; it says nothing of the model."""

    algorithm: str = "grpo"
    betas: tuple[float, float] = field(default=(0.9, 0.95))


def weights_of() -> Weights:
    """Random weights under its names; the first layer has one MLP, the others have experts."""
    random = torch.Generator().manual_seed(9)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random) * 0.15

    def gated(name: str, inner: int) -> Weights:
        up = {f"{name}.{part}_proj.weight": numbers(inner, WIDTH) for part in ("gate", "up")}
        return {**up, f"{name}.down_proj.weight": numbers(WIDTH, inner)}

    made = {"embed_tokens.weight": numbers(ROWS, WIDTH) * 4, "norm.weight": 1 + numbers(WIDTH)}
    for layer in range(LAYERS):
        block = f"layers.{layer}"
        made |= {
            f"{block}.{name}.weight": 1 + numbers(WIDTH) for name in ("input_layernorm", "post_attention_layernorm")
        }
        shapes = {"q_down": (48, WIDTH), "q_up": (HEADS * (NOPE + ROPE), 48), "kv_down": (40, WIDTH)}
        shapes |= {"k_up": (HEADS * (NOPE + ROPE), 40), "v_up": (HEADS * VALUE, 40), "o": (WIDTH, HEADS * VALUE)}
        made |= {f"{block}.attention.{name}_proj.weight": numbers(*shape) for name, shape in shapes.items()}
        if layer == 0:
            made |= gated(f"{block}.ffn", 96)
            continue
        made[f"{block}.ffn.gate.gate.weight"] = numbers(EXPERTS, WIDTH)
        for kind, count in (("experts", EXPERTS), ("shared_experts", SHARED)):
            for expert in range(count):
                made |= gated(f"{block}.ffn.{kind}.{expert}.ffn", 64)
    made["lm_head.weight"] = made["embed_tokens.weight"]
    further = {"projections.0.weight": numbers(WIDTH, WIDTH), "projections.0.bias": numbers(WIDTH)}
    further |= {"layer_norms.0.weight": numbers(WIDTH), "output_heads.0.weight": made["embed_tokens.weight"]}
    return made | {f"mtp_head.{name}": value for name, value in further.items()}


def write(path: Path, *, reinforced: bool = False) -> Weights:
    """A checkpoint of fine-tuning, or of reinforcement learning with its pickled settings. Returns the weights."""
    weights = weights_of()
    saved: dict[str, Any] = {"model_state_dict": weights, "optimizer_state_dict": {}, "scheduler_state_dict": {}}
    saved |= {"global_step": 10, "best_reward": 0.5, "config": RLConfig()} if reinforced else {"global_step": 10}
    torch.save(saved if reinforced else saved | {"best_val_loss": 2.5}, path)
    return weights


@torch.inference_mode()
def logits(weights: Weights, ids: list[int], chosen: int = CHOSEN) -> Tensor:
    """(T, ROWS)"""
    x = weights["embed_tokens.weight"][torch.tensor(ids)]
    for layer in range(LAYERS):
        front = f"layers.{layer}."
        block = {name.removeprefix(front): value for name, value in weights.items() if name.startswith(front)}
        x = x + attention(block, norm(x, block["input_layernorm.weight"]))
        inner = norm(x, block["post_attention_layernorm.weight"])
        x = x + (gated(block, "ffn", inner) if layer == 0 else mixture(block, inner, chosen))
    return norm(x, weights["norm.weight"]) @ weights["lm_head.weight"].T


def attention(block: Weights, x: Tensor) -> Tensor:
    """(T, WIDTH) -> (T, WIDTH)"""

    def product(name: str, value: Tensor) -> Tensor:
        return value @ block[f"attention.{name}_proj.weight"].T

    count, latent = len(x), product("kv_down", x)
    queries = turned(product("q_up", product("q_down", x)).view(count, HEADS, -1))
    keys, values = (
        turned(product("k_up", latent).view(count, HEADS, -1)),
        product("v_up", latent).view(count, HEADS, -1),
    )
    scores = torch.einsum("thd,shd->hts", queries, keys) / (NOPE + ROPE) ** 0.5
    hidden = torch.ones(count, count, dtype=torch.bool).triu(1)
    weights = torch.softmax(scores.masked_fill(hidden, -torch.inf), dim=-1)
    return product("o", torch.einsum("hts,shd->thd", weights, values).flatten(1))


def turned(x: Tensor) -> Tensor:
    """The last ROPE channels, half by half."""
    angles = torch.arange(len(x))[:, None] * 10000.0 ** (-torch.arange(0, ROPE, 2) / ROPE)
    cosines, sines = angles.cos()[:, None], angles.sin()[:, None]
    left, right = x[..., NOPE:].chunk(2, dim=-1)
    return torch.cat((x[..., :NOPE], left * cosines - right * sines, right * cosines + left * sines), dim=-1)


def gated(block: Weights, name: str, x: Tensor) -> Tensor:
    """down(silu(gate(x)) * up(x))"""
    gate, up, down = (block[f"{name}.{part}_proj.weight"] for part in ("gate", "up", "down"))
    return (F.silu(x @ gate.T) * (x @ up.T)) @ down.T


def mixture(block: Weights, x: Tensor, chosen: int) -> Tensor:
    """The mean of the shared experts and the weighed sum of the chosen ones."""
    weights, numbers = torch.softmax(x @ block["ffn.gate.gate.weight"].T, dim=-1).topk(chosen, dim=-1)
    weights = weights / weights.sum(dim=-1, keepdim=True)
    given = torch.stack([gated(block, f"ffn.experts.{expert}.ffn", x) for expert in range(EXPERTS)], dim=1)
    routed = (given.gather(1, numbers[..., None].expand(-1, -1, WIDTH)) * weights[..., None]).sum(dim=1)
    shared = sum(gated(block, f"ffn.shared_experts.{expert}.ffn", x) for expert in range(SHARED)) / SHARED
    return routed + shared


def norm(x: Tensor, weight: Tensor) -> Tensor:
    """RMSNorm."""
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6) * weight
