"""Tiny nanochat checkpoints of each generation as its scripts save them, and what that generation's code computes.

The reference is written out over whole sequences, without a cache, from nanochat's description of itself.
"""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

LAYERS, HEADS, KV_HEADS, WIDTH, CONTEXT, ROWS = 4, 4, 2, 64, 400, 320
Weights = dict[str, Tensor]
SPECIAL = ("<|bos|>", "<|user_start|>", "<|user_end|>", "<|assistant_start|>", "<|assistant_end|>")


@dataclass(frozen=True)
class Generation:
    """What one generation of the code has; a short window reaches `back` tokens back."""

    scales: bool = False
    gate: int = 0
    smear: bool = False
    theta: float = 10000.0
    multiple: float = 1.0
    reach: float = 2.0
    softcap: float = 15.0
    pattern: str | None = None
    back: int = 0


GENERATIONS = {
    "first": Generation(),
    "scaled": Generation(scales=True, pattern="SSSL", back=200),
    "valued": Generation(scales=True, gate=32, pattern="SSSL", back=200),
    "narrow": Generation(
        scales=True, gate=12, theta=1e5, multiple=1.15, reach=3.0, pattern="SSSL", back=256
    ),
    "smeared": Generation(
        scales=True, gate=12, smear=True, theta=1e5, multiple=1.2, reach=3.0, pattern="SSSL", back=128
    ),
}  # fmt: skip


def weights_of(generation: Generation) -> Weights:
    """Random weights under nanochat's names; embeddings are bfloat16 there."""
    random, width = torch.Generator().manual_seed(5), WIDTH // HEADS

    def numbers(*shape: int, scale: float = 0.25) -> Tensor:
        return torch.randn(shape, generator=random) * scale

    made = {"transformer.wte.weight": numbers(ROWS, WIDTH).bfloat16(), "lm_head.weight": numbers(ROWS, WIDTH)}
    valued = [layer for layer in range(LAYERS) if layer % 2 == (LAYERS - 1) % 2] if generation.gate else []
    for layer in range(LAYERS):
        block = f"transformer.h.{layer}"
        made |= {f"{block}.attn.c_{part}.weight": numbers(KV_HEADS * width, WIDTH) for part in "kv"}
        made |= {f"{block}.attn.{part}.weight": numbers(WIDTH, WIDTH) for part in ("c_q", "c_proj")}
        made[f"{block}.mlp.c_fc.weight"] = numbers(4 * WIDTH, WIDTH)
        made[f"{block}.mlp.c_proj.weight"] = numbers(WIDTH, 4 * WIDTH, scale=0.02)
        if layer in valued:
            made[f"{block}.attn.ve_gate.weight"] = numbers(KV_HEADS, generation.gate, scale=1.0)
            made[f"value_embeds.{layer}.weight"] = numbers(ROWS, KV_HEADS * width, scale=1.0).bfloat16()
    if generation.scales:
        made["resid_lambdas"], made["x0_lambdas"] = 1 + numbers(LAYERS), numbers(LAYERS)
    if generation.smear:
        made["smear_gate.weight"] = numbers(1, 24, scale=1.0)
        made["smear_lambda"], made["backout_lambda"] = torch.tensor([0.7]), torch.tensor([0.3])
    return made


def write(base: Path, generation: Generation, stage: str = "chatsft_checkpoints", compiled: bool = False) -> Path:
    """<base>/<stage>/d4/model_000500.pt with its meta file and the tokenizer; returns the path of the weights."""
    folder = base / stage / "d4"
    folder.mkdir(parents=True)
    front = "_orig_mod." if compiled else ""
    torch.save({f"{front}{name}": value for name, value in weights_of(generation).items()}, folder / "model_000500.pt")
    settings: dict[str, Any] = {"sequence_len": CONTEXT, "vocab_size": ROWS, "n_layer": LAYERS, "n_head": HEADS}
    settings |= {"n_kv_head": KV_HEADS, "n_embd": WIDTH}
    if generation.pattern:
        settings["window_pattern"] = generation.pattern
    (folder / "meta_000500.json").write_text(json.dumps({"step": 500, "val_bpb": 0.91, "model_config": settings}))
    write_tokenizer(base / "tokenizer" / "tokenizer.pkl")
    return folder / "model_000500.pt"


def ranks() -> dict[bytes, int]:
    """All bytes, then a few longer tokens."""
    found = {bytes([byte]): byte for byte in range(256)}
    for longer in (b"th", b"he", b" t", b"the", b" the", b"in", b"ing", "ä".encode()):
        found[longer] = len(found)
    return found


def write_tokenizer(file: Path) -> None:
    """As tiktoken's Encoding pickles itself, without the library: an object of that name with the same state."""
    module = ModuleType("tiktoken.core")
    encoding_class = type("Encoding", (), {"__module__": "tiktoken.core"})
    module.Encoding = encoding_class
    encoding, pieces = encoding_class(), ranks()
    encoding.__dict__.update(
        name="rustbpe",
        pat_str=r"[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
        mergeable_ranks=pieces,
        special_tokens={text: len(pieces) + place for place, text in enumerate(SPECIAL)},
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    sys.modules["tiktoken"], sys.modules["tiktoken.core"] = ModuleType("tiktoken"), module
    try:
        file.write_bytes(pickle.dumps(encoding))
    finally:
        del sys.modules["tiktoken"], sys.modules["tiktoken.core"]


@torch.inference_mode()
def logits(generation: Generation, ids: list[int]) -> Tensor:
    """(T, ROWS) by the generation's own arithmetic, in float32."""
    weights = {name: value.float() for name, value in weights_of(generation).items()}
    tokens = torch.tensor(ids)
    x = norm(weights["transformer.wte.weight"][tokens])
    if generation.smear:
        gate = weights["smear_lambda"] * torch.sigmoid(x[1:, :24] @ weights["smear_gate.weight"].T)
        x = torch.cat((x[:1], x[1:] + gate * x[:-1]))
    first, kept = x, None
    for layer in range(LAYERS):
        block = {
            name.removeprefix(f"transformer.h.{layer}."): value
            for name, value in weights.items()
            if name.startswith(f"transformer.h.{layer}.")
        }
        if generation.scales:
            x = weights["resid_lambdas"][layer] * x + weights["x0_lambdas"][layer] * first
        own = weights.get(f"value_embeds.{layer}.weight")
        x = x + attention(generation, block, layer, norm(x), None if own is None else own[tokens])
        x = x + F.relu(norm(x) @ block["mlp.c_fc.weight"].T).square() @ block["mlp.c_proj.weight"].T
        kept = x if layer == LAYERS // 2 else kept
    if generation.smear:
        x = x - weights["backout_lambda"] * kept
    return generation.softcap * torch.tanh(norm(x) @ weights["lm_head.weight"].T / generation.softcap)


def attention(generation: Generation, block: Weights, layer: int, x: Tensor, own: Tensor | None) -> Tensor:
    """(T, WIDTH) -> (T, WIDTH)"""
    count, width = len(x), WIDTH // HEADS
    queries = (x @ block["attn.c_q.weight"].T).view(count, HEADS, width)
    keys, values = ((x @ block[f"attn.c_{part}.weight"].T).view(count, KV_HEADS, width) for part in "kv")
    if own is not None:
        gate = generation.reach * torch.sigmoid(x[:, : generation.gate] @ block["attn.ve_gate.weight"].T)
        values = values + gate[..., None] * own.view(count, KV_HEADS, width)
    queries, keys = (norm(turned(generation.theta, each)) * generation.multiple for each in (queries, keys))
    keys, values = (each.repeat_interleave(HEADS // KV_HEADS, dim=1) for each in (keys, values))
    scores = torch.einsum("thd,shd->hts", queries, keys) * width**-0.5
    places = torch.arange(count)
    distance = places[:, None] - places
    is_short = generation.pattern is not None and generation.pattern[layer % 4] == "S" and layer < LAYERS - 1
    hidden = (distance < 0) | (distance > generation.back if is_short else distance > count)
    weights = torch.softmax(scores.masked_fill(hidden, -torch.inf), dim=-1)
    return torch.einsum("hts,shd->thd", weights, values).flatten(1) @ block["attn.c_proj.weight"].T


def turned(theta: float, x: Tensor) -> Tensor:
    """nanochat turns the other way: the first half gains what the second half is multiplied by the sine."""
    half = x.shape[-1] // 2
    angles = torch.arange(len(x))[:, None] * theta ** (-torch.arange(half) / half)
    cosines, sines = angles.cos()[:, None], angles.sin()[:, None]
    left, right = x[..., :half], x[..., half:]
    return torch.cat((left * cosines + right * sines, right * cosines - left * sines), dim=-1)


def norm(x: Tensor) -> Tensor:
    """F.rms_norm without weights."""
    return F.rms_norm(x, (x.shape[-1],))
