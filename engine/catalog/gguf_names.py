"""GGUF's names of tensors beside Hugging Face's: a table for each family.

The first {} stands for the layer, the last part (weight, bias) is left out. A second {} says that GGUF keeps as one
tensor what Hugging Face keeps in pieces, and numbers them; a name that is empty, that config.json has the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

ROPE_FACTORS = "rope_freqs"
LONG_FACTORS, SHORT_FACTORS = "rope_factors_long", "rope_factors_short"

_ENDS: Mapping[str, str] = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_INPUT_NORM: Mapping[str, str] = {"blk.{}.attn_norm": "model.layers.{}.input_layernorm"}
_SECOND_NORM: Mapping[str, str] = {"blk.{}.ffn_norm": "model.layers.{}.post_attention_layernorm"}
_PRE_NORMS: Mapping[str, str] = {**_INPUT_NORM, **_SECOND_NORM}
_POST_NORMS: Mapping[str, str] = {
    "blk.{}.post_attention_norm": "model.layers.{}.post_attention_layernorm",
    "blk.{}.post_ffw_norm": "model.layers.{}.post_feedforward_layernorm",
}
_SANDWICH_NORMS: Mapping[str, str] = {
    **_INPUT_NORM,
    **_POST_NORMS,
    "blk.{}.ffn_norm": "model.layers.{}.pre_feedforward_layernorm",
}
_OUTPUT: Mapping[str, str] = {"blk.{}.attn_output": "model.layers.{}.self_attn.o_proj"}
_ATTENTION: Mapping[str, str] = {
    "blk.{}.attn_q": "model.layers.{}.self_attn.q_proj",
    "blk.{}.attn_k": "model.layers.{}.self_attn.k_proj",
    "blk.{}.attn_v": "model.layers.{}.self_attn.v_proj",
    **_OUTPUT,
}
_QK_NORMS: Mapping[str, str] = {
    "blk.{}.attn_q_norm": "model.layers.{}.self_attn.q_norm",
    "blk.{}.attn_k_norm": "model.layers.{}.self_attn.k_norm",
}
_MLP: Mapping[str, str] = {
    "blk.{}.ffn_gate": "model.layers.{}.mlp.gate_proj",
    "blk.{}.ffn_up": "model.layers.{}.mlp.up_proj",
    "blk.{}.ffn_down": "model.layers.{}.mlp.down_proj",
}
_EXPERTS: Mapping[str, str] = {
    "blk.{}.ffn_gate_inp": "model.layers.{}.mlp.gate",
    "blk.{}.ffn_gate_exps": "model.layers.{}.mlp.experts.{}.gate_proj",
    "blk.{}.ffn_up_exps": "model.layers.{}.mlp.experts.{}.up_proj",
    "blk.{}.ffn_down_exps": "model.layers.{}.mlp.experts.{}.down_proj",
}

GATED: Mapping[str, str] = {**_ENDS, **_PRE_NORMS, **_ATTENTION, **_MLP}
LLAMA: Mapping[str, str] = {**GATED, ROPE_FACTORS: "model.rope_factors"}
QWEN3: Mapping[str, str] = {**GATED, **_QK_NORMS}


def parts(name: str) -> tuple[str, str, str]:
    """blk.7.attn_q.weight -> blk.{}.attn_q, 7, weight"""
    stem, _, last = name.rpartition(".")
    block, _, rest = stem.partition(".")
    layer, _, place = rest.partition(".")
    if block == "blk" and layer.isascii() and layer.isdecimal():
        return f"blk.{{}}.{place}", layer, last
    return stem, "", last
