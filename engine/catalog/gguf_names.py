"""GGUF's names of tensors beside Hugging Face's: a table for each family.

The first {} stands for the layer, the last part (weight, bias) is left out. A second {} says that GGUF keeps as one
tensor what Hugging Face keeps in pieces, and numbers them; a name that is empty, that config.json has the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

ROPE_FACTORS = "rope_freqs"
SHARED_GATE = "blk.{}.ffn_gate_inp_shexp"
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
OLMO2: Mapping[str, str] = {**_ENDS, **_POST_NORMS, **_ATTENTION, **_QK_NORMS, **_MLP}
GEMMA2: Mapping[str, str] = {**_ENDS, **_SANDWICH_NORMS, **_ATTENTION, **_MLP}
GEMMA3: Mapping[str, str] = {**GEMMA2, **_QK_NORMS}
PHI3: Mapping[str, str] = {
    **_ENDS,
    **_PRE_NORMS,
    **_OUTPUT,
    "blk.{}.attn_qkv": "model.layers.{}.self_attn.qkv_proj",
    "blk.{}.ffn_up": "model.layers.{}.mlp.gate_up_proj",
    "blk.{}.ffn_down": "model.layers.{}.mlp.down_proj",
    LONG_FACTORS: "",
    SHORT_FACTORS: "",
}
GPT2: Mapping[str, str] = {
    "token_embd": "transformer.wte",
    "position_embd": "transformer.wpe",
    "blk.{}.attn_norm": "transformer.h.{}.ln_1",
    "blk.{}.attn_qkv": "transformer.h.{}.attn.c_attn",
    "blk.{}.attn_output": "transformer.h.{}.attn.c_proj",
    "blk.{}.ffn_norm": "transformer.h.{}.ln_2",
    "blk.{}.ffn_up": "transformer.h.{}.mlp.c_fc",
    "blk.{}.ffn_down": "transformer.h.{}.mlp.c_proj",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
}
GPT_NEOX: Mapping[str, str] = {
    "token_embd": "gpt_neox.embed_in",
    "blk.{}.attn_norm": "gpt_neox.layers.{}.input_layernorm",
    "blk.{}.attn_qkv": "gpt_neox.layers.{}.attention.query_key_value",
    "blk.{}.attn_output": "gpt_neox.layers.{}.attention.dense",
    "blk.{}.ffn_norm": "gpt_neox.layers.{}.post_attention_layernorm",
    "blk.{}.ffn_up": "gpt_neox.layers.{}.mlp.dense_h_to_4h",
    "blk.{}.ffn_down": "gpt_neox.layers.{}.mlp.dense_4h_to_h",
    "output_norm": "gpt_neox.final_layer_norm",
    "output": "embed_out",
}
STABLELM: Mapping[str, str] = {
    **GATED,
    "blk.{}.attn_q_norm": "model.layers.{}.self_attn.q_layernorm.norms.{}",
    "blk.{}.attn_k_norm": "model.layers.{}.self_attn.k_layernorm.norms.{}",
}
STARCODER2: Mapping[str, str] = {
    **_ENDS,
    **_PRE_NORMS,
    **_ATTENTION,
    "blk.{}.ffn_up": "model.layers.{}.mlp.c_fc",
    "blk.{}.ffn_down": "model.layers.{}.mlp.c_proj",
}
MIXTRAL: Mapping[str, str] = {**_ENDS, **_PRE_NORMS, **_ATTENTION, **_EXPERTS}
QWEN3_MOE: Mapping[str, str] = {**MIXTRAL, **_QK_NORMS}
QWEN2_MOE: Mapping[str, str] = {
    **MIXTRAL,
    "blk.{}.ffn_gate_shexp": "model.layers.{}.mlp.shared_expert.gate_proj",
    "blk.{}.ffn_up_shexp": "model.layers.{}.mlp.shared_expert.up_proj",
    "blk.{}.ffn_down_shexp": "model.layers.{}.mlp.shared_expert.down_proj",
    SHARED_GATE: "model.layers.{}.mlp.shared_expert_gate",
}
PHI2: Mapping[str, str] = {
    "token_embd": "model.embed_tokens",
    **_INPUT_NORM,
    "blk.{}.attn_q": "model.layers.{}.self_attn.q_proj",
    "blk.{}.attn_k": "model.layers.{}.self_attn.k_proj",
    "blk.{}.attn_v": "model.layers.{}.self_attn.v_proj",
    "blk.{}.attn_output": "model.layers.{}.self_attn.dense",
    "blk.{}.ffn_up": "model.layers.{}.mlp.fc1",
    "blk.{}.ffn_down": "model.layers.{}.mlp.fc2",
    "output_norm": "model.final_layernorm",
    "output": "lm_head",
}
BLOOM: Mapping[str, str] = {
    "token_embd": "transformer.word_embeddings",
    "token_embd_norm": "transformer.word_embeddings_layernorm",
    "blk.{}.attn_norm": "transformer.h.{}.input_layernorm",
    "blk.{}.attn_qkv": "transformer.h.{}.self_attention.query_key_value",
    "blk.{}.attn_output": "transformer.h.{}.self_attention.dense",
    "blk.{}.ffn_norm": "transformer.h.{}.post_attention_layernorm",
    "blk.{}.ffn_up": "transformer.h.{}.mlp.dense_h_to_4h",
    "blk.{}.ffn_down": "transformer.h.{}.mlp.dense_4h_to_h",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
}
COMMAND_R: Mapping[str, str] = {**_ENDS, **_INPUT_NORM, **_ATTENTION, **_MLP}
OLMO: Mapping[str, str] = {
    **{name: own for name, own in _ENDS.items() if name != "output_norm"},
    **_ATTENTION,
    **_MLP,
}
GLM4: Mapping[str, str] = {
    **_ENDS,
    **_INPUT_NORM,
    **_ATTENTION,
    "blk.{}.post_attention_norm": "model.layers.{}.post_self_attn_layernorm",
    "blk.{}.ffn_norm": "model.layers.{}.post_attention_layernorm",
    "blk.{}.post_ffw_norm": "model.layers.{}.post_mlp_layernorm",
    "blk.{}.ffn_up": "model.layers.{}.mlp.gate_up_proj",
    "blk.{}.ffn_down": "model.layers.{}.mlp.down_proj",
}
FALCON: Mapping[str, str] = {
    "token_embd": "transformer.word_embeddings",
    "blk.{}.attn_norm": "transformer.h.{}.input_layernorm",
    "blk.{}.attn_qkv": "transformer.h.{}.self_attention.query_key_value",
    "blk.{}.attn_output": "transformer.h.{}.self_attention.dense",
    "blk.{}.ffn_up": "transformer.h.{}.mlp.dense_h_to_4h",
    "blk.{}.ffn_down": "transformer.h.{}.mlp.dense_4h_to_h",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
}
FALCON_TWO_NORMS: Mapping[str, str] = {
    **FALCON,
    "blk.{}.attn_norm": "transformer.h.{}.ln_mlp",
    "blk.{}.attn_norm_2": "transformer.h.{}.ln_attn",
}
# Gates, ups and downs of the experts, and k_b_proj and v_b_proj below, are put together by gguf_joined.
GPT_OSS: Mapping[str, str] = {
    **_ENDS,
    **_INPUT_NORM,
    **_ATTENTION,
    "blk.{}.post_attention_norm": "model.layers.{}.post_attention_layernorm",
    "blk.{}.attn_sinks": "model.layers.{}.self_attn.sinks",
    "blk.{}.ffn_gate_inp": "model.layers.{}.mlp.router",
    "blk.{}.ffn_gate_exps": "model.layers.{}.mlp.experts.gate_proj",
    "blk.{}.ffn_up_exps": "model.layers.{}.mlp.experts.up_proj",
    "blk.{}.ffn_down_exps": "model.layers.{}.mlp.experts.down_proj",
}
DEEPSEEK2: Mapping[str, str] = {
    **_ENDS,
    **_PRE_NORMS,
    **_OUTPUT,
    **_MLP,
    **_EXPERTS,
    "blk.{}.attn_q": "model.layers.{}.self_attn.q_proj",
    "blk.{}.attn_q_a": "model.layers.{}.self_attn.q_a_proj",
    "blk.{}.attn_q_a_norm": "model.layers.{}.self_attn.q_a_layernorm",
    "blk.{}.attn_q_b": "model.layers.{}.self_attn.q_b_proj",
    "blk.{}.attn_kv_a_mqa": "model.layers.{}.self_attn.kv_a_proj_with_mqa",
    "blk.{}.attn_kv_a_norm": "model.layers.{}.self_attn.kv_a_layernorm",
    "blk.{}.attn_kv_b": "model.layers.{}.self_attn.kv_b_proj",
    "blk.{}.attn_k_b": "model.layers.{}.self_attn.k_b_proj",
    "blk.{}.attn_v_b": "model.layers.{}.self_attn.v_b_proj",
    "blk.{}.exp_probs_b": "model.layers.{}.mlp.gate.e_score_correction",
    "blk.{}.ffn_gate_shexp": "model.layers.{}.mlp.shared_experts.gate_proj",
    "blk.{}.ffn_up_shexp": "model.layers.{}.mlp.shared_experts.up_proj",
    "blk.{}.ffn_down_shexp": "model.layers.{}.mlp.shared_experts.down_proj",
}


def parts(name: str) -> tuple[str, str, str]:
    """blk.7.attn_q.weight -> blk.{}.attn_q, 7, weight"""
    stem, _, last = name.rpartition(".")
    block, _, rest = stem.partition(".")
    layer, _, place = rest.partition(".")
    if block == "blk" and layer.isascii() and layer.isdecimal():
        return f"blk.{{}}.{place}", layer, last
    return stem, "", last
