"""Llama as Meta and llama2.c (https://github.com/karpathy/llama2.c) name its tensors, rotated pair by pair."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.catalog.layouts.translation import Found, Translation, inferred, layers
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

NAME = "meta_llama"
LAYER = r"layers\.(\d{1,4})\."
OUTSIDE = {"tok_embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head"}
# What params.json of Llama 4, Mixtral and others has, and changes what is computed.
NOT_COMPUTED = ("moe", "moe_args", "qk_norm", "use_qk_norm", "yarn", "vision_encoder", "quantization")
NOT_COMPUTED += ("quantization_args", "lora_args", "nope_layer_interval", "attention_chunk_size", "llama_4_scaling")
INSIDE = {
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the tensors are named as Meta's."""
    return {
        "layers.0.attention.wq.weight",
        "layers.0.feed_forward.w1.weight",
        "tok_embeddings.weight",
    } <= tensors.keys()


def translate(found: Found) -> Translation:
    """The model as a Llama. Raises CheckpointProblem, `unknown_architecture`, for tensors that Llama does not have."""
    evidence: dict[str, str] = {}
    declared, queries = found.declared, found.rows("layers.0.attention.wq.weight")
    keys, heads = found.rows("layers.0.attention.wk.weight"), declared.whole("num_attention_heads")
    kv_heads = declared.whole("num_key_value_heads") or (heads * keys // queries if heads else None)
    context, window = declared.whole("max_position_embeddings"), declared.whole("sliding_window")
    _refuse_what_llama_does_not_compute(found)
    config = {
        "model_type": "llama" if window is None else "mistral",
        "architectures": ["LlamaForCausalLM" if window is None else "MistralForCausalLM"],
        "vocab_size": found.rows("tok_embeddings.weight"),
        "hidden_size": found.columns("tok_embeddings.weight"),
        "intermediate_size": found.rows("layers.0.feed_forward.w1.weight"),
        "num_hidden_layers": layers(found.tensors, LAYER),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": queries // heads if heads else None,
        "max_position_embeddings": context or inferred(evidence, "max_position_embeddings", 2048, "Llama 1 had 2048"),
        "rms_norm_eps": declared.number("rms_norm_eps") or inferred(evidence, "rms_norm_eps", 1e-5, "llama2.c's own"),
        "rope_theta": declared.number("rope_theta") or inferred(evidence, "rope_theta", 10000.0, "Llama 2's own"),
        "rope_scaling": _scaling(found),
        "hidden_act": "silu",
        "tie_word_embeddings": found.is_tied("output.weight", "tok_embeddings.weight"),
    }
    if window is not None:
        config["sliding_window"] = window
    names = {name: _renamed(name) for name in found.tensors}
    return Translation(
        layout=NAME,
        config=config,
        tensors=found.tensors,
        names=names,
        pairs={name: count for name in names for count in [_pairs(name, heads, kv_heads)] if count},
        missing=() if heads else ("num_attention_heads",),
        evidence=evidence,
    )


def _refuse_what_llama_does_not_compute(found: Found) -> None:
    for key in NOT_COMPUTED:
        if value := found.declared.value(key):
            raise CheckpointProblem(
                f"the settings ask for {key} = {str(value)[:80]}, which is not computed here",
                code="unsupported_config",
                hint="The answers would be wrong in silence, so the checkpoint is refused.",
            )


def _pairs(name: str, heads: int | None, kv_heads: int | None) -> int | None:
    return {"wq": heads, "wk": kv_heads}.get(name.split(".")[-2])


def _renamed(name: str) -> str:
    match = re.fullmatch(rf"(?:{LAYER})?(.+)\.(weight|bias)", name)
    layer, place, last = match.groups() if match else (None, "", "")
    renamed = OUTSIDE.get(place) if layer is None else INSIDE.get(place)
    if renamed is None:
        raise CheckpointProblem(
            f"the tensor {name[:80]} has no place in Llama",
            code="unknown_architecture",
            hint="It would be left out in silence, so the checkpoint is refused.",
        )
    return f"{renamed}.{last}" if layer is None else f"model.layers.{layer}.{renamed}.{last}"


def _scaling(found: Found) -> dict[str, float | str] | None:
    """What params.json of Llama 3.1 and later means by use_scaled_rope; the small ones stretch further."""
    if not found.declared.flag("use_scaled_rope"):
        return None
    factor = 32.0 if found.columns("tok_embeddings.weight") <= 3072 else 8.0
    return {
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
