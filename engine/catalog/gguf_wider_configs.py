"""config.json of GGUF files whose architecture is far from Llama: side by side, clipped, latent, with sinks."""

from __future__ import annotations

from typing import Any

from engine.catalog.gguf_configs import gated, holds, plain, rotary, sizes
from engine.catalog.gguf_header import Header
from engine.catalog.gguf_numbers import heads, optional, wanted, wanted_number
from engine.errors import CheckpointProblem

SIGMOID = 2
# DeepSeek-V2-Lite and its like; those with more experts choose among groups, which old files do not tell.
MOST_WITHOUT_GROUPS = 64
# The converter writes a tenth of mscale_all_dim.
LOGARITHM = 0.1


def command_r(header: Header) -> dict[str, Any]:
    """Command R."""
    return plain(header, "layer_norm_eps", "silu") | {
        "logit_scale": wanted_number(header, "logit_scale"),
        "tie_word_embeddings": not holds(header, "output.weight"),
    }


def falcon(header: Header) -> dict[str, Any]:
    """Falcon 7B with one key-value head, 40B and later with groups of them; RW, with linear biases, is not written."""
    _, groups, _ = heads(header)
    # The width of a head is what the heads leave each other: the settings have no key for another.
    told = {key: value for key, value in plain(header, "layer_norm_epsilon", "gelu").items() if key != "head_dim"}
    return told | {
        "activation": "gelu",
        "bias": holds(header, "blk.0.attn_qkv.bias"),
        "multi_query": groups == 1,
        "new_decoder_architecture": groups > 1,
        "num_kv_heads": groups,
        "num_ln_in_parallel_attn": 2 if holds(header, "blk.0.attn_norm_2.weight") else 1,
    }


def glm4(header: Header) -> dict[str, Any]:
    """GLM-4 of 2025. Raises CheckpointProblem for the model that reads pictures, whose positions have several parts."""
    if header.has_array(header.own("rope.dimension_sections")):
        raise CheckpointProblem("GLM-4V's positions are not computed here", code="unknown_architecture")
    return gated(header) | {"attention_bias": holds(header, "blk.0.attn_q.bias")}


def olmo(header: Header) -> dict[str, Any]:
    """OLMo 1, whose norms have no weights and always the same epsilon."""
    return (
        sizes(header)
        | rotary(header)
        | {
            "intermediate_size": wanted(header, "feed_forward_length"),
            "hidden_act": "silu",
            "clip_qkv": header.number(header.own("attention.clamp_kqv")),
        }
    )


def mistral3(header: Header) -> dict[str, Any]:
    """Mistral Small 3.1 and 3.2. Raises CheckpointProblem for Ministral 3, which scales queries by their position."""
    scale = header.number(header.own("attention.temperature_scale"))
    if scale or header.number(header.own("rope.scaling.yarn_log_multiplier")):
        raise CheckpointProblem(
            "Ministral 3, which scales queries by their position, is not computed here", code="unknown_architecture"
        )
    return gated(header)


def gpt_oss(header: Header) -> dict[str, Any]:
    """gpt-oss. That YaRN's borders are not rounded is the architecture's, not the file's."""
    config = gated(header) | {
        "attention_bias": holds(header, "blk.0.attn_q.bias"),
        "num_local_experts": wanted(header, "expert_count"),
        "num_experts_per_tok": wanted(header, "expert_used_count"),
        "sliding_window": wanted(header, "attention.sliding_window"),
    }
    inner = optional(header, "expert_feed_forward_length") or config["intermediate_size"]
    scaling = config["rope_scaling"] or {"rope_type": "default"}
    return config | {"intermediate_size": inner, "rope_scaling": {**scaling, "truncate": False}}


def deepseek2(header: Header) -> dict[str, Any]:
    """DeepSeek-V2 and V3, told apart by how experts are scored. YaRN's two strengths are one number in the file."""
    turned = wanted(header, "rope.dimension_count")
    width = optional(header, "attention.key_length_mla") or wanted(header, "attention.key_length")
    values = optional(header, "attention.value_length_mla") or wanted(header, "attention.value_length")
    if turned >= width:
        raise CheckpointProblem(f"{header.path.name} turns more channels than keys have", code="config_invalid")
    common = sizes(header, checks_width=False) | rotary(header)
    queries = common["num_attention_heads"]
    return (
        {name: value for name, value in common.items() if name not in ("head_dim", "partial_rotary_factor")}
        | {
            "intermediate_size": wanted(header, "feed_forward_length"),
            "hidden_act": "silu",
            "rms_norm_eps": wanted_number(header, "attention.layer_norm_rms_epsilon"),
            "num_key_value_heads": queries,
            "q_lora_rank": optional(header, "attention.q_lora_rank"),
            "kv_lora_rank": wanted(header, "attention.kv_lora_rank"),
            "qk_nope_head_dim": width - turned,
            "qk_rope_head_dim": turned,
            "v_head_dim": values,
            "rope_scaling": _strong(header, common["rope_scaling"]),
        }
        | _experts(header)
    )


def is_scored_by_sigmoids(header: Header) -> bool:
    """Whether this is DeepSeek-V3 rather than V2."""
    return optional(header, "expert_gating_func") == SIGMOID


def _experts(header: Header) -> dict[str, Any]:
    count, groups = wanted(header, "expert_count"), optional(header, "expert_group_count")
    if groups is None and count > MOST_WITHOUT_GROUPS:
        raise CheckpointProblem(
            f"{header.path.name} does not say in how many groups its {count} experts are",
            code="config_incomplete",
            hint="Convert the model again with a current converter.",
        )
    renormalises = header.flag(header.own("expert_weights_norm")) or False
    found = {
        "first_k_dense_replace": optional(header, "leading_dense_block_count") or 0,
        "n_routed_experts": count,
        "n_shared_experts": wanted(header, "expert_shared_count"),
        "num_experts_per_tok": wanted(header, "expert_used_count"),
        "moe_intermediate_size": wanted(header, "expert_feed_forward_length"),
        "routed_scaling_factor": header.number(header.own("expert_weights_scale")) or 1.0,
        "norm_topk_prob": renormalises,
        "n_group": groups or 1,
        "topk_group": optional(header, "expert_group_used_count") or 1,
    }
    if is_scored_by_sigmoids(header):
        return found
    return found | {"topk_method": "group_limited_greedy" if found["n_group"] > 1 else "greedy"}


def _strong(header: Header, scaling: dict[str, Any] | None) -> dict[str, Any] | None:
    strength = header.number(header.own("rope.scaling.yarn_log_multiplier"))
    if not scaling or not strength:
        return scaling
    return scaling | {"mscale": strength / LOGARITHM, "mscale_all_dim": strength / LOGARITHM}
