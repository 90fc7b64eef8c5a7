"""The GGUF architectures that can be read, each with the reference's model and with what its file says."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy

from tests.engine.models.cases import GPT2, QUARTER, WINDOW, YARN
from tests.gguf_files import TOKENS

SIZES: dict[str, Any] = {
    "vocab_size": len(TOKENS),
    "hidden_size": 64,
    "intermediate_size": 96,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
SHORT, LONG = (list(numpy.linspace(1.0, last, 6)) for last in (1.7, 5.0))
LONG_ROPE = {
    "rope_type": "longrope",
    "short_factor": SHORT,
    "long_factor": LONG,
    "rope_theta": 10000.0,
    "partial_rotary_factor": 0.75,
}
LINEAR = {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
}
OLD: dict[str, Any] = {"num_key_value_heads": ..., "intermediate_size": ...}
LATENT: dict[str, Any] = {
    "num_key_value_heads": 4,
    "q_lora_rank": 32,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 8,
    "v_head_dim": 16,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "routed_scaling_factor": 1.7,
    "first_k_dense_replace": 1,
}
# Keys and values of one wide head, and what they become.
LATENT_NUMBERS: dict[str, Any] = {
    "attention.head_count_kv": 1,
    "attention.key_length": 40,
    "attention.value_length": 32,
    "attention.key_length_mla": 40,
    "attention.value_length_mla": 16,
    "attention.kv_lora_rank": 32,
    "rope.dimension_count": 8,
    "leading_dense_block_count": 1,
    "expert_count": 8,
    "expert_used_count": 3,
    "expert_shared_count": 2,
    "expert_weights_scale": 1.7,
    "expert_feed_forward_length": 32,
}
EXPERTS: dict[str, Any] = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 32}


@dataclass(frozen=True)
class Known:
    """One architecture: GGUF's name of it, the reference's model, numbers of its own, and whether there is a second
    reader to compare with."""

    arch: str
    prefix: str
    changes: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    has_reader: bool = True


CASES: dict[str, Known] = {
    "qwen2": Known("qwen2", "Qwen2"),
    "qwen2 tied": Known("qwen2", "Qwen2", {"tie_word_embeddings": True}),
    "qwen2 with yarn": Known(
        "qwen2",
        "Qwen2",
        {"rope_parameters": YARN},
        {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 64},
    ),
    "qwen3": Known("qwen3", "Qwen3", {"head_dim": 32}),
    "gemma": Known("gemma", "Gemma", {"head_dim": 32, "num_key_value_heads": 1}, has_reader=False),
    "gemma2": Known(
        "gemma2",
        "Gemma2",
        WINDOW
        | {
            "head_dim": 32,
            "query_pre_attn_scalar": 32,
            "attn_logit_softcapping": 1.5,
            "final_logit_softcapping": 4.0,
        },
        {"attention.sliding_window": 8},
    ),
    "gemma3": Known(
        "gemma3",
        "Gemma3Text",
        WINDOW | {"head_dim": 32, "query_pre_attn_scalar": 32, "num_hidden_layers": 7},
        {"attention.sliding_window": 8, "rope.freq_base": 1000000.0},
    ),
    "gemma3 stretched": Known(
        "gemma3",
        "Gemma3Text",
        WINDOW | {"head_dim": 32, "query_pre_attn_scalar": 32, "num_hidden_layers": 7, "rope_parameters": LINEAR},
        {
            "attention.sliding_window": 8,
            "rope.freq_base": 1000000.0,
            "rope.scaling.type": "linear",
            "rope.scaling.factor": 8.0,
        },
    ),
    "phi3 with long rope": Known(
        "phi3",
        "Phi3",
        {"rope_parameters": LONG_ROPE, "original_max_position_embeddings": 64},
        {
            "rope.scaling.original_context_length": 64,
            "rope.scaling.attn_factor": math.sqrt(1 + math.log(4) / math.log(64)),
            "rope_factors_short.weight": numpy.array(SHORT, numpy.float32),
            "rope_factors_long.weight": numpy.array(LONG, numpy.float32),
        },
    ),
    "phi3": Known("phi3", "Phi3", {"sliding_window": 8}, {"attention.sliding_window": 8}),
    "gpt2": Known("gpt2", "GPT2", GPT2),
    "gpt2 untied and narrow": Known("gpt2", "GPT2", GPT2 | {"n_inner": 160, "tie_word_embeddings": False}),
    "smollm3": Known("smollm3", "SmolLM3", {"num_hidden_layers": 4}, has_reader=False),
    "granite": Known(
        "granite",
        "Granite",
        {
            "embedding_multiplier": 3.0,
            "attention_multiplier": 0.2,
            "residual_multiplier": 0.6,
            "logits_scaling": 4.0,
        },
        has_reader=False,
    ),
    "olmo2": Known("olmo2", "Olmo2", has_reader=False),
    "gptneox": Known("gptneox", "GPTNeoX", {"num_key_value_heads": ..., "rope_parameters": QUARTER}, has_reader=False),
    "gptneox one after the other": Known(
        "gptneox",
        "GPTNeoX",
        {"num_key_value_heads": ..., "use_parallel_residual": False, "attention_bias": False},
        has_reader=False,
    ),
    "stablelm": Known("stablelm", "StableLm", {"use_qkv_bias": True}),
    "stablelm side by side with normed heads": Known(
        "stablelm", "StableLm", {"use_parallel_residual": True, "qk_layernorm": True}, has_reader=False
    ),
    "starcoder2": Known("starcoder2", "Starcoder2"),
    "mixtral": Known("llama", "Mixtral", {"num_local_experts": 5, "head_dim": 16}, has_reader=False),
    "qwen2moe": Known("qwen2moe", "Qwen2Moe", EXPERTS | {"shared_expert_intermediate_size": 64}),
    "olmoe": Known("olmoe", "Olmoe", {"num_experts": 6, "num_experts_per_tok": 2}, has_reader=False),
    "phi2": Known("phi2", "Phi", {"num_key_value_heads": ...}, has_reader=False),
    "bloom": Known(
        "bloom",
        "Bloom",
        {"num_key_value_heads": ..., "intermediate_size": ...},
        {"context_length": 256},
        has_reader=False,
    ),
    "qwen3moe": Known("qwen3moe", "Qwen3Moe", EXPERTS | {"head_dim": 32, "norm_topk_prob": True}),
    "command-r": Known("command-r", "Cohere", {"logit_scale": 0.3}, {"rope.scaling.type": "none"}, has_reader=False),
    "falcon with one key-value head": Known(
        "falcon", "Falcon", OLD, {"attention.head_count_kv": 1, "feed_forward_length": 256}, has_reader=False
    ),
    "falcon in groups": Known(
        "falcon",
        "Falcon",
        OLD | {"new_decoder_architecture": True, "num_kv_heads": 2},
        {"feed_forward_length": 256},
        has_reader=False,
    ),
    "falcon in groups behind one norm": Known(
        "falcon",
        "Falcon",
        OLD | {"new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1, "bias": True},
        {"feed_forward_length": 256},
        has_reader=False,
    ),
    "glm4": Known("glm4", "Glm4", {"head_dim": 16}, has_reader=False),
    "olmo": Known("olmo", "Olmo", {"clip_qkv": 0.7}, has_reader=False),
    "olmo tied": Known("olmo", "Olmo", {"tie_word_embeddings": True}, has_reader=False),
    "mistral3": Known("mistral3", "Mistral", {"head_dim": 16, "sliding_window": None}, has_reader=False),
    "gpt-oss": Known(
        "gpt-oss",
        "GptOss",
        WINDOW | {"head_dim": 16, "num_local_experts": 5, "num_experts_per_tok": 2},
        {
            "attention.sliding_window": 8,
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": 32.0,
            "rope.scaling.original_context_length": 4096,
        },
        has_reader=False,
    ),
    "deepseek2 as version 2": Known("deepseek2", "DeepseekV2", LATENT, LATENT_NUMBERS, has_reader=False),
    "deepseek2 as version 2 in groups": Known(
        "deepseek2",
        "DeepseekV2",
        LATENT | {"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2, "q_lora_rank": None},
        LATENT_NUMBERS | {"expert_group_count": 4, "expert_group_used_count": 2},
        has_reader=False,
    ),
    "deepseek2 as version 3 with yarn": Known(
        "deepseek2",
        "DeepseekV3",
        LATENT
        | {
            "n_group": 4,
            "topk_group": 2,
            "norm_topk_prob": True,
            "rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 1.0},
        },
        LATENT_NUMBERS
        | {
            "expert_gating_func": 2,
            "expert_weights_norm": True,
            "expert_group_count": 4,
            "expert_group_used_count": 2,
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": 4.0,
            "rope.scaling.original_context_length": 64,
            "rope.scaling.yarn_log_multiplier": 0.1,
        },
        has_reader=False,
    ),
}
