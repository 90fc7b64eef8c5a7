"""torchtune's own names for a Llama (https://github.com/pytorch/torchtune), seldom saved, turned pair by pair."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from engine.catalog.layouts import meta_llama
from engine.catalog.layouts.translation import Found, Translation
from engine.catalog.torch_pickle import StoredTensor

NAME = "torchtune"
INSIDE = {
    "attn.q_proj": "attention.wq",
    "attn.k_proj": "attention.wk",
    "attn.v_proj": "attention.wv",
    "attn.output_proj": "attention.wo",
    "mlp.w1": "feed_forward.w1",
    "mlp.w2": "feed_forward.w2",
    "mlp.w3": "feed_forward.w3",
}
NORMS = {"sa_norm.scale": "attention_norm.weight", "mlp_norm.scale": "ffn_norm.weight"}


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the tensors are named as torchtune's."""
    return {"layers.0.attn.q_proj.weight", "layers.0.sa_norm.scale", "tok_embeddings.weight"} <= tensors.keys()


def translate(found: Found) -> Translation:
    """The model as a Llama. Raises CheckpointProblem, `unknown_architecture`, for tensors that Llama does not have."""
    theirs = {_meta(name): name for name in found.tensors}
    tensors = {name: found.tensors[own] for name, own in theirs.items()}
    return replace(meta_llama.translate(Found(tensors, found.declared, found.beside)), layout=NAME)


def _meta(name: str) -> str:
    if name == "norm.scale":
        return "norm.weight"
    match = re.fullmatch(r"(layers\.\d{1,4})\.(.+)", name)
    if match is None:
        return name
    if match[2] in NORMS:
        return f"{match[1]}.{NORMS[match[2]]}"
    place, _, last = match[2].rpartition(".")
    return f"{match[1]}.{INSIDE.get(place, place)}.{last}"
