"""The keys of config.json that change what some model computes, each with the values that change nothing. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FOREIGN: Mapping[str, tuple[Any, ...]] = {
    # Weights
    "quantization_config": (),
    # Positions
    "alibi": (False,),
    "use_alibi": (False,),
    "no_rope_layers": (),
    "partial_rotary_factor": (1,),
    "rope_interleave": (False,),
    "rope_interleaved": (False,),
    # Attention
    "attention_bias": (False,),
    "attention_chunk_size": (),
    "attention_multiplier": (),
    "attn_logit_softcapping": (),
    "clip_qkv": (),
    "kv_lora_rank": (),
    "multi_query": (False,),
    "new_decoder_architecture": (False,),
    "num_kv_shared_layers": (0,),
    "qk_layernorm": (False,),
    "qkv_bias": (False,),
    "query_pre_attn_scalar": (),
    "reorder_and_upcast_attn": (False,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "scale_attn_weights": (True,),
    "sliding_window": (),
    "sliding_window_pattern": (),
    "use_bidirectional_attention": (False,),
    "use_qk_norm": (False,),
    "use_qkv_bias": (False,),
    "use_sliding_window": (False,),
    # Layers
    "add_cross_attention": (False,),
    "apply_residual_connection_post_layernorm": (False,),
    "bias": (False,),
    "do_layer_norm_before": (True,),
    "dim_model_base": (),
    "embedding_multiplier": (1,),
    "is_encoder_decoder": (False,),
    "mlp_bias": (False,),
    "parallel_attn": (False,),
    "residual_multiplier": (1,),
    "scale_depth": (),
    "scale_emb": (1,),
    "use_bias": (False,),
    "use_parallel_residual": (False,),
    # Experts
    "n_routed_experts": (0,),
    "num_experts": (0, 1),
    "num_local_experts": (0, 1),
    # Logits
    "final_logit_softcapping": (),
    "logit_scale": (1,),
    "logits_scaling": (1,),
}
