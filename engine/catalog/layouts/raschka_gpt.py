"""GPT-2 as the book "Build a Large Language Model (From Scratch)" names it (https://github.com/rasbt/LLMs-from-scratch).

Queries, keys and values are matrices of their own there, often without biases where everything else has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.catalog.layouts.nanogpt import heads_of_gpt2
from engine.catalog.layouts.translation import Found, Translation, inferred, layers
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

NAME = "raschka_gpt"
LAYER = r"trf_blocks\.(\d{1,4})\."
OUTSIDE = {
    "tok_emb.weight": "transformer.wte.weight",
    "pos_emb.weight": "transformer.wpe.weight",
    "final_norm.scale": "transformer.ln_f.weight",
    "final_norm.shift": "transformer.ln_f.bias",
    "out_head.weight": "lm_head.weight",
}
INSIDE = {
    "att.out_proj.weight": "attn.c_proj.weight",
    "att.out_proj.bias": "attn.c_proj.bias",
    "ff.layers.0.weight": "mlp.c_fc.weight",
    "ff.layers.0.bias": "mlp.c_fc.bias",
    "ff.layers.2.weight": "mlp.c_proj.weight",
    "ff.layers.2.bias": "mlp.c_proj.bias",
    "norm1.scale": "ln_1.weight",
    "norm1.shift": "ln_1.bias",
    "norm2.scale": "ln_2.weight",
    "norm2.shift": "ln_2.bias",
}
JOINED = ("W_query", "W_key", "W_value")
FIRST = "trf_blocks.0.att.W_query"


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the tensors are named as the book's GPT, whose positions are learned."""
    return {"tok_emb.weight", "pos_emb.weight", f"{FIRST}.weight", "final_norm.scale"} <= tensors.keys()


def translate(found: Found) -> Translation:
    """The model as a GPT-2. Raises CheckpointProblem, `unknown_architecture`, for tensors that it does not have."""
    evidence: dict[str, str] = {}
    width, depth = found.columns("tok_emb.weight"), layers(found.tensors, LAYER)
    heads = heads_of_gpt2(found, evidence, width, depth)
    blocks = [f"transformer.h.{layer}.attn.c_attn" for layer in range(depth)]
    joins = {f"{block}.weight": _parts(layer, "weight") for layer, block in enumerate(blocks)}
    has_biases = f"{FIRST}.bias" in found.tensors
    if has_biases:
        joins |= {f"{block}.bias": _parts(layer, "bias") for layer, block in enumerate(blocks)}
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": found.rows("tok_emb.weight"),
        "hidden_size": width,
        "intermediate_size": found.rows("trf_blocks.0.ff.layers.0.weight"),
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "max_position_embeddings": found.rows("pos_emb.weight"),
        "activation_function": inferred(evidence, "activation_function", "gelu_new", "the book's own"),
        "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": found.is_tied("out_head.weight", "tok_emb.weight"),
        "weights_in_out": False,
    }
    joined = {name for names in joins.values() for name in names}
    return Translation(
        layout=NAME,
        config=config,
        tensors=found.tensors,
        names={name: _renamed(name) for name in found.tensors if name not in joined},
        joins=joins,
        zeros={} if has_biases else {f"{block}.bias": (3 * width,) for block in blocks},
        missing=() if heads else ("num_attention_heads",),
        evidence=evidence,
    )


def _parts(layer: int, last: str) -> tuple[str, ...]:
    return tuple(f"trf_blocks.{layer}.att.{part}.{last}" for part in JOINED)


def _renamed(name: str) -> str:
    match = re.fullmatch(rf"{LAYER}(.+)", name)
    renamed = OUTSIDE.get(name) if match is None else INSIDE.get(match[2])
    if renamed is None:
        raise CheckpointProblem(
            f"this is the book's GPT with changes that are not known here: it has the tensor {name[:80]}",
            code="unknown_architecture",
            hint="Its family would have to be written: see CONTRIBUTING.md.",
        )
    return renamed if match is None else f"transformer.h.{match[1]}.{renamed}"
