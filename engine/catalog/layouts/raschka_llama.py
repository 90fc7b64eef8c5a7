"""Llama and Qwen3 as the book "Build a Large Language Model (From Scratch)" names them in its later chapters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from engine.catalog.layouts import huggingface_names
from engine.catalog.layouts.translation import Found, Translation
from engine.catalog.torch_pickle import StoredTensor

NAME = "raschka_llama"
OUTSIDE = {
    "tok_emb.weight": "model.embed_tokens.weight",
    "final_norm.scale": "model.norm.weight",
    "final_norm.weight": "model.norm.weight",
    "out_head.weight": "lm_head.weight",
}
INSIDE = {
    "att.W_query": "self_attn.q_proj",
    "att.W_key": "self_attn.k_proj",
    "att.W_value": "self_attn.v_proj",
    "att.out_proj": "self_attn.o_proj",
    "att.q_norm": "self_attn.q_norm",
    "att.k_norm": "self_attn.k_norm",
    "ff.fc1": "mlp.gate_proj",
    "ff.fc2": "mlp.up_proj",
    "ff.fc3": "mlp.down_proj",
    "norm1": "input_layernorm",
    "norm2": "post_attention_layernorm",
}


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the tensors are named as the book's gated models, which have no learned positions."""
    return {"tok_emb.weight", "trf_blocks.0.att.W_query.weight", "trf_blocks.0.ff.fc3.weight"} <= tensors.keys()


def translate(found: Found) -> Translation:
    """The model under Hugging Face's names. Raises CheckpointProblem for tensors that it does not have."""
    theirs = {_renamed(name): name for name in found.tensors}
    tensors = {name: found.tensors[own] for name, own in theirs.items()}
    return replace(huggingface_names.translate(Found(tensors, found.declared, found.beside)), layout=NAME)


def _renamed(name: str) -> str:
    if name in OUTSIDE:
        return OUTSIDE[name]
    match = re.fullmatch(r"trf_blocks\.(\d{1,4})\.(.+)\.(weight|bias|scale|shift)", name)
    if match is None:
        return name
    last = {"scale": "weight", "shift": "bias"}.get(match[3], match[3])
    return f"model.layers.{match[1]}.{INSIDE.get(match[2], match[2])}.{last}"
