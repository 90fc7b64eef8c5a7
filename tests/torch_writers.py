"""Tiny checkpoints as well-known training scripts save them: random weights, real names, real things around them."""

from __future__ import annotations

import pickle
import struct
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.tiny import byte_tokenizer

LAYERS, HEADS, KV_HEADS, WIDTH, INNER, CONTEXT, ROWS = 2, 4, 2, 64, 176, 96, 320
Weights = dict[str, Tensor]


@dataclass
class GPTConfig:
    """build-nanogpt pickles its settings as an object of its own code."""

    block_size: int = CONTEXT
    vocab_size: int = ROWS
    n_layer: int = LAYERS
    n_head: int = HEADS
    n_embd: int = WIDTH


def random(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> Weights:
    """Numbers that make the logits differ clearly; norms are around one."""
    generator = torch.Generator().manual_seed(seed)
    made = {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes.items()}
    return {name: tensor + 1 if "norm" in name or (".ln_" in name and "weight" in name) else tensor
            for name, tensor in made.items()}  # fmt: skip


def gpt_weights(*, bias: bool, tied: bool = True, seed: int = 0) -> Weights:
    """A GPT under nanoGPT's names, matrices as (out, in)."""
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (ROWS, WIDTH),
        "transformer.wpe.weight": (CONTEXT, WIDTH),
    }
    for layer in range(LAYERS):
        block = f"transformer.h.{layer}"
        matrices = {"attn.c_attn": (3 * WIDTH, WIDTH), "attn.c_proj": (WIDTH, WIDTH)}
        matrices |= {"mlp.c_fc": (4 * WIDTH, WIDTH), "mlp.c_proj": (WIDTH, 4 * WIDTH)}
        for name, shape in ({"ln_1": (WIDTH,), "ln_2": (WIDTH,)} | matrices).items():
            shapes[f"{block}.{name}.weight"] = shape
            if bias:
                shapes[f"{block}.{name}.bias"] = shape[:1]
    shapes["transformer.ln_f.weight"] = (WIDTH,)
    if bias:
        shapes["transformer.ln_f.bias"] = (WIDTH,)
    weights = random(shapes, seed)
    weights["lm_head.weight"] = weights["transformer.wte.weight"] if tied else torch.randn(ROWS, WIDTH) * 0.3
    return weights


def optimizer_state(weights: Weights) -> dict[str, Any]:
    """What AdamW keeps: two tensors of the same size for every weight."""
    parameters = [torch.nn.Parameter(tensor.clone()) for tensor in weights.values()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return optimizer.state_dict()


def write_nanogpt(path: Path, *, bias: bool = False, compiled: bool = False, **changes: Any) -> Weights:
    """out/ckpt.pt, with the optimizer and the settings of the command line. Returns the weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = gpt_weights(bias=bias)
    sizes = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "block_size": CONTEXT, "vocab_size": ROWS}
    saved = {
        "model": {f"_orig_mod.{name}" if compiled else name: tensor for name, tensor in weights.items()},
        "optimizer": optimizer_state(weights),
        "model_args": sizes | {"bias": bias, "dropout": 0.0},
        "iter_num": 250,
        "best_val_loss": torch.tensor(1.4697),
        "config": {"out_dir": "out", "dataset": "shakespeare_char", "init_from": "scratch", "learning_rate": 6e-4}
        | sizes,
    }
    torch.save(saved | changes, path)
    return weights


def write_build_nanogpt(path: Path) -> Weights:
    """log/model_05000.pt, whose settings are an object."""
    weights = gpt_weights(bias=True)
    torch.save({"model": weights, "config": GPTConfig(), "step": 5000, "val_loss": 3.25}, path)
    return weights


def write_mingpt(path: Path) -> Weights:
    """A bare state dict with masks; the sizes are in config.json beside it, which the caller writes."""
    weights = gpt_weights(bias=True, tied=False)
    masks = {f"transformer.h.{layer}.attn.bias": torch.ones(1, 1, CONTEXT, CONTEXT).tril() for layer in range(LAYERS)}
    torch.save(weights | masks, path)
    return weights


def write_book_gpt(path: Path, *, qkv_bias: bool, wrapped: bool) -> Weights:
    """The GPT of the book: bare or with its optimizer. Returns the weights under nanoGPT's names."""
    weights = gpt_weights(bias=True, tied=False)
    places = {"wte.weight": "tok_emb.weight", "wpe.weight": "pos_emb.weight"}
    places |= {"ln_f.weight": "final_norm.scale", "ln_f.bias": "final_norm.shift"}
    inside = {"attn.c_proj": "att.out_proj", "mlp.c_fc": "ff.layers.0", "mlp.c_proj": "ff.layers.2"}
    saved = {"out_head.weight": weights["lm_head.weight"]}
    saved |= {theirs: weights[f"transformer.{name}"] for name, theirs in places.items()}
    for layer in range(LAYERS):
        block, theirs = f"transformer.h.{layer}", f"trf_blocks.{layer}"
        if not qkv_bias:
            weights[f"{block}.attn.c_attn.bias"] = torch.zeros(3 * WIDTH)
        for last in ("weight", "bias") if qkv_bias else ("weight",):
            thirds = weights[f"{block}.attn.c_attn.{last}"].chunk(3)
            for part, third in zip(("W_query", "W_key", "W_value"), thirds, strict=True):
                saved[f"{theirs}.att.{part}.{last}"] = third.clone()
        for last in ("weight", "bias"):
            saved |= {f"{theirs}.{own}.{last}": weights[f"{block}.{name}.{last}"] for name, own in inside.items()}
        for index in "12":
            for last, own in (("weight", "scale"), ("bias", "shift")):
                saved[f"{theirs}.norm{index}.{own}"] = weights[f"{block}.ln_{index}.{last}"]
        saved[f"{theirs}.att.mask"] = torch.ones(CONTEXT, CONTEXT).triu(1)
    torch.save({"model_state_dict": saved, "optimizer_state_dict": {}} if wrapped else saved, path)
    return weights


def llama_weights(seed: int = 0) -> Weights:
    """A Llama under Meta's names, its queries and keys pair by pair."""
    kv_width = WIDTH // HEADS * KV_HEADS
    shapes: dict[str, tuple[int, ...]] = {"tok_embeddings.weight": (ROWS, WIDTH), "norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        block = f"layers.{layer}"
        shapes |= {f"{block}.attention.{name}.weight": (WIDTH, WIDTH) for name in ("wq", "wo")}
        shapes |= {f"{block}.attention.{name}.weight": (kv_width, WIDTH) for name in ("wk", "wv")}
        shapes |= {f"{block}.feed_forward.{name}.weight": (INNER, WIDTH) for name in ("w1", "w3")}
        shapes[f"{block}.feed_forward.w2.weight"] = (WIDTH, INNER)
        shapes |= {f"{block}.{name}.weight": (WIDTH,) for name in ("attention_norm", "ffn_norm")}
    return random(shapes, seed)


def write_llama2c(path: Path) -> Weights:
    """out/ckpt.pt of llama2.c."""
    weights = llama_weights()
    sizes = {"dim": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "n_kv_heads": KV_HEADS, "vocab_size": ROWS}
    saved = {
        "model": weights | {"output.weight": weights["tok_embeddings.weight"]},
        "optimizer": optimizer_state(weights),
        "model_args": sizes | {"multiple_of": 16, "max_seq_len": CONTEXT, "dropout": 0.0},
        "iter_num": 1000,
        "best_val_loss": torch.tensor(1.07),
        "config": {"vocab_source": "custom", "init_from": "scratch"},
    }
    torch.save(saved, path)
    return weights


def write_llama2c_export(path: Path, version: int, *, tied: bool = True) -> Weights:
    """model.bin of llama2.c: numbers in a fixed order behind a header."""
    weights = llama_weights()
    if not tied:
        weights["output.weight"] = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(5)) * 0.3
    rows = ROWS if version or tied else -ROWS
    header = struct.pack("<7i", WIDTH, INNER, LAYERS, HEADS, KV_HEADS, rows, CONTEXT)
    if version:
        header = (struct.pack("<Ii", 0x616B3432, version) + header + bytes([tied])).ljust(256, b"\0")
    angles = torch.zeros(2, CONTEXT, WIDTH // HEADS // 2)
    ordered = [weights.get(name, angles) for name in _llama2c_order(version)]
    ordered += [] if tied else [weights["output.weight"]]
    path.write_bytes(header + b"".join(tensor.numpy().tobytes() for tensor in ordered))
    return weights


def _llama2c_order(version: int) -> list[str]:
    def each(*places: str) -> list[str]:
        return [f"layers.{layer}.{place}.weight" for place in places for layer in range(LAYERS)]

    attention = each(*(f"attention.w{part}" for part in "qkvo"))
    mlp = each(*(f"feed_forward.w{part}" for part in "123"))
    ends = ["norm.weight", "tok_embeddings.weight"]
    if version:
        return [*each("attention_norm", "ffn_norm"), *ends, *attention, *mlp]
    return [ends[1], *each("attention_norm"), *attention, *each("ffn_norm"), *mlp, ends[0], "angles"]


def write_pieces(file: Path, pieces: list[str]) -> None:
    """llama2.c's tokenizer.bin."""
    entries = [(-float(rank), text.encode()) for rank, text in enumerate(pieces)]
    data = b"".join(struct.pack("<fI", score, len(text)) + text for score, text in entries)
    file.write_bytes(struct.pack("<I", max(map(len, pieces))) + data)


def write_with_namespace(path: Path, weights: Weights, **settings: Any) -> None:
    """What most scripts of one's own save: the state under a long name, argparse's result, how far it came."""
    saved = {
        "model_state_dict": {f"module.{name}": tensor for name, tensor in weights.items()},
        "optimizer_state_dict": optimizer_state(weights),
        "args": Namespace(**settings, output=Path("out")),
        "epoch": 3,
        "global_step": 700,
        "train_loss": 2.5,
    }
    torch.save(saved, path)


def write_tokenizer(folder: Path, rows: int = ROWS) -> None:
    """A tokenizer.json with so many tokens."""
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([f"<extra {index}>" for index in range(rows - tokenizer.get_vocab_size())])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def write_characters(file: Path, text: str) -> dict[str, int]:
    """nanoGPT's meta.pkl for the characters of a text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    ids = {character: index for index, character in enumerate(sorted(set(text)))}
    meta = {"vocab_size": len(ids), "itos": {index: character for character, index in ids.items()}, "stoi": ids}
    file.write_bytes(pickle.dumps(meta))
    return ids
