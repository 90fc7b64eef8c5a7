"""The configurations under which families are compared with the reference."""

from __future__ import annotations

from typing import Any

from tests.engine.models.references import Case

GPT2: dict[str, Any] = {"num_key_value_heads": ..., "intermediate_size": ..., "n_inner": None}
WINDOW: dict[str, Any] = {"sliding_window": 8, "num_hidden_layers": 3}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 10000.0}
LONG = {
    "rope_type": "longrope",
    "short_factor": [1.0, 1.3, 1.7],
    "long_factor": [2.0, 3.0, 5.0],
    "rope_theta": 10000.0,
    "partial_rotary_factor": 0.75,
}
QUARTER = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}
EXPERTS: dict[str, Any] = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
OLD: dict[str, Any] = {"num_key_value_heads": ..., "intermediate_size": ...}
OPT: dict[str, Any] = OLD | {"ffn_dim": 48}
LATENT: dict[str, Any] = {
    "num_key_value_heads": 4,
    "q_lora_rank": 24,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 10,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 24,
    "routed_scaling_factor": 1.7,
}
OSS: dict[str, Any] = WINDOW | {"head_dim": 16, "num_local_experts": 5, "num_experts_per_tok": 2}
CASES: dict[str, Case] = {
    "llama": Case("llama", "Llama"),
    "llama with yarn": Case("llama", "Llama", {"rope_parameters": YARN}),
    "gpt2": Case("gpt2", "GPT2", GPT2),
    "gpt2 with narrow layers and scaled attention": Case(
        "gpt2", "GPT2", GPT2 | {"n_inner": 40, "scale_attn_by_inverse_layer_idx": True, "activation_function": "gelu"}
    ),
    "qwen2": Case("qwen2", "Qwen2"),
    "qwen2 with windows above": Case("qwen2", "Qwen2", WINDOW | {"use_sliding_window": True, "max_window_layers": 1}),
    "qwen3": Case("qwen3", "Qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    "mistral": Case("mistral", "Mistral", {"head_dim": 16, "sliding_window": None}),
    "mistral with a window": Case("mistral", "Mistral", WINDOW),
    "gemma": Case("gemma", "Gemma", {"head_dim": 16, "num_key_value_heads": 1}),
    "gemma2": Case(
        "gemma2",
        "Gemma2",
        WINDOW
        | {
            "head_dim": 16,
            "query_pre_attn_scalar": 24,
            "attn_logit_softcapping": 1.5,
            "final_logit_softcapping": 4.0,
        },
    ),
    "gemma3": Case("gemma3_text", "Gemma3Text", WINDOW | {"head_dim": 16, "num_hidden_layers": 7}),
    "phi3": Case("phi3", "Phi3", {"sliding_window": 8}),
    "phi3 with long rope": Case("phi3", "Phi3", {"rope_parameters": LONG, "original_max_position_embeddings": 64}),
    "olmo2": Case("olmo2", "Olmo2"),
    "olmo3": Case("olmo3", "Olmo3", WINDOW | {"num_hidden_layers": 4}),
    "olmo3 with yarn": Case("olmo3", "Olmo3", WINDOW | {"num_hidden_layers": 4, "rope_scaling": YARN}),
    "smollm3": Case("smollm3", "SmolLM3", {"num_hidden_layers": 4}),
    "granite": Case(
        "granite",
        "Granite",
        {
            "embedding_multiplier": 3.0,
            "attention_multiplier": 0.2,
            "residual_multiplier": 0.6,
            "logits_scaling": 4.0,
            "attention_bias": True,
        },
    ),
    "gpt_neox": Case(
        "gpt_neox", "GPTNeoX", {"num_key_value_heads": ..., "rope_parameters": QUARTER, "hidden_size": 64}
    ),
    "gpt_neox one after the other": Case(
        "gpt_neox",
        "GPTNeoX",
        {"num_key_value_heads": ..., "use_parallel_residual": False, "attention_bias": False},
    ),
    "phi": Case("phi", "Phi", {"hidden_act": "gelu_new"}),
    "stablelm": Case("stablelm", "StableLm", {"use_qkv_bias": True, "hidden_size": 64}),
    "stablelm side by side with normed heads": Case(
        "stablelm", "StableLm", {"use_parallel_residual": True, "qk_layernorm": True, "hidden_size": 64}
    ),
    "starcoder2": Case("starcoder2", "Starcoder2", WINDOW),
    "mixtral": Case("mixtral", "Mixtral", {"num_local_experts": 5, "sliding_window": 8}),
    "qwen2_moe": Case("qwen2_moe", "Qwen2Moe", EXPERTS | {"shared_expert_intermediate_size": 40}),
    "qwen2_moe with a dense layer and renormalised": Case(
        "qwen2_moe",
        "Qwen2Moe",
        EXPERTS | {"shared_expert_intermediate_size": 40, "mlp_only_layers": [0], "norm_topk_prob": True},
    ),
    "qwen3_moe": Case("qwen3_moe", "Qwen3Moe", EXPERTS | {"head_dim": 16, "norm_topk_prob": True}),
    "qwen3_moe with every second layer dense": Case("qwen3_moe", "Qwen3Moe", EXPERTS | {"decoder_sparse_step": 2}),
    "glm4": Case("glm4", "Glm4", {"head_dim": 16}),
    "opt": Case("opt", "OPT", OPT),
    "opt with norms after and narrow embeddings": Case(
        "opt", "OPT", OPT | {"do_layer_norm_before": False, "word_embed_proj_dim": 16}
    ),
    "bloom": Case("bloom", "Bloom", OLD | {"num_attention_heads": 6, "hidden_size": 48}),
    "falcon with one key-value head": Case("falcon", "Falcon", OLD),
    "falcon in groups": Case("falcon", "Falcon", OLD | {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon in groups behind one norm": Case(
        "falcon",
        "Falcon",
        OLD | {"new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1, "bias": True},
    ),
    # The reference's eager way adds the biases twice.
    "falcon with linear biases": Case(
        "falcon",
        "Falcon",
        OLD | {"alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
        attention="sdpa",
    ),
    "gpt_oss": Case("gpt_oss", "GptOss", OSS),
    "gpt_oss with low limits": Case("gpt_oss", "GptOss", OSS | {"swiglu_limit": 0.6, "swiglu_alpha": 1.3}),
    "deepseek_v2": Case("deepseek_v2", "DeepseekV2", LATENT | {"first_k_dense_replace": 1}),
    "deepseek_v2 in groups without a query latent": Case(
        "deepseek_v2",
        "DeepseekV2",
        LATENT | {"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2, "q_lora_rank": None},
    ),
    "deepseek_v3": Case(
        "deepseek_v3", "DeepseekV3", LATENT | {"n_group": 4, "topk_group": 2, "first_k_dense_replace": 1}
    ),
    "deepseek_v3 with yarn": Case(
        "deepseek_v3",
        "DeepseekV3",
        LATENT
        | {
            "n_group": 1,
            "topk_group": 1,
            "v_head_dim": 20,
            "rope_interleave": False,
            "rope_parameters": YARN | {"mscale": 0.8, "mscale_all_dim": 1.2},
        },
    ),
    "nanochat": Case("nanochat", "NanoChat", {"head_dim": 8, "hidden_act": "relu2", "tie_word_embeddings": False}),
    "glm": Case("glm", "Glm", {"head_dim": 16}),
    "cohere": Case("cohere", "Cohere", {"logit_scale": 0.3}),
    "olmo": Case("olmo", "Olmo", {"tie_word_embeddings": True}),
    "olmo with clipped projections": Case("olmo", "Olmo", {"clip_qkv": 0.7}),
    "olmoe": Case("olmoe", "Olmoe", {"num_experts": 6, "num_experts_per_tok": 2}),
}
