"""config.json of a GGUF file, as Hugging Face would have it: one function for each architecture."""

from __future__ import annotations

from typing import Any

from engine.catalog.gguf_header import Header
from engine.catalog.gguf_names import LONG_FACTORS, ROPE_FACTORS, SHORT_FACTORS, parts
from engine.catalog.gguf_numbers import embeddings, heads, optional, stored_numbers, token_ids, wanted, wanted_number
from engine.errors import CheckpointProblem


def llama(header: Header) -> dict[str, Any]:
    """Llama and all that is computed as it is."""
    return gated(header) | {
        "attention_bias": holds(header, "blk.0.attn_q.bias"),
        "mlp_bias": holds(header, "blk.0.ffn_gate.bias"),
    }


def qwen3(header: Header) -> dict[str, Any]:
    """Qwen3."""
    return gated(header) | {"attention_bias": holds(header, "blk.0.attn_q.bias")}


def mixtral(header: Header) -> dict[str, Any]:
    """Llama with experts."""
    return gated(header) | {
        "num_local_experts": wanted(header, "expert_count"),
        "num_experts_per_tok": wanted(header, "expert_used_count"),
    }


def qwen2_moe(header: Header) -> dict[str, Any]:
    """Qwen2 with experts. That the weights of the chosen do not sum to one is the architecture's, not the file's."""
    return _experts(header) | {
        "norm_topk_prob": False,
        "shared_expert_intermediate_size": wanted(header, "expert_shared_feed_forward_length"),
    }


def qwen3_moe(header: Header) -> dict[str, Any]:
    """Qwen3 with experts, whose weights sum to one."""
    return _experts(header) | {"norm_topk_prob": True, "attention_bias": holds(header, "blk.0.attn_q.bias")}


def olmoe(header: Header) -> dict[str, Any]:
    """OLMoE; that the weights of the chosen do not sum to one is the architecture's, not the file's."""
    return gated(header) | {
        "num_experts": wanted(header, "expert_count"),
        "num_experts_per_tok": wanted(header, "expert_used_count"),
        "norm_topk_prob": False,
    }


def smollm3(header: Header) -> dict[str, Any]:
    """SmolLM3; the file does not say that every fourth layer knows no positions."""
    return llama(header) | {"no_rope_layer_interval": 4}


def granite(header: Header) -> dict[str, Any]:
    """Granite."""
    scale = header.number(header.own("attention.scale"))
    return llama(header) | {
        "attention_multiplier": scale or heads(header)[2] ** -0.5,
        "embedding_multiplier": header.number(header.own("embedding_scale")) or 1.0,
        "residual_multiplier": header.number(header.own("residual_scale")) or 1.0,
        "logits_scaling": header.number(header.own("logit_scale")) or 1.0,
    }


def olmo2(header: Header) -> dict[str, Any]:
    """OLMo 2. Raises CheckpointProblem for OLMo 3, which calls itself so too and has windows."""
    if header.values.get(header.own("attention.sliding_window")):
        raise CheckpointProblem("OLMo 3 cannot be read from GGUF here yet", code="unknown_architecture")
    return gated(header)


def gemma(header: Header) -> dict[str, Any]:
    """Gemma."""
    return gated(header) | {"hidden_activation": "gelu_pytorch_tanh"}


def gemma2(header: Header) -> dict[str, Any]:
    """Gemma 2. Only of the largest, known by its layers, are the scores scaled by the width that a head should have."""
    return gemma(header) | {
        "query_pre_attn_scalar": _score_scale(header, largest=46),
        "sliding_window": wanted(header, "attention.sliding_window"),
        "attn_logit_softcapping": header.number(header.own("attn_logit_softcapping")) or 50.0,
        "final_logit_softcapping": header.number(header.own("final_logit_softcapping")) or 30.0,
    }


def gemma3(header: Header) -> dict[str, Any]:
    """Gemma 3, its text model. The file does not say that every sixth layer sees everything."""
    if header.number(header.own("final_logit_softcapping")):
        raise CheckpointProblem("Gemma 3 with soft caps is not computed here", code="unknown_architecture")
    return gemma(header) | {
        "query_pre_attn_scalar": _score_scale(header, largest=62),
        "sliding_window": wanted(header, "attention.sliding_window"),
        "sliding_window_pattern": optional(header, "attention.sliding_window_pattern") or 6,
        "rope_theta": header.number(header.own("rope.freq_base")) or 1_000_000.0,
        "rope_local_base_freq": header.number(header.own("rope.freq_base_swa")) or 10_000.0,
    }


def phi3(header: Header) -> dict[str, Any]:
    """Phi-3, whose window is 0 where there is none."""
    window = optional(header, "attention.sliding_window") or None
    config = gated(header) | {"sliding_window": window}
    short, long = stored_numbers(header, SHORT_FACTORS), stored_numbers(header, LONG_FACTORS)
    if not short:
        return config
    scaling = {
        "rope_type": "longrope",
        "short_factor": short,
        "long_factor": long,
        "attention_factor": header.number(header.own("rope.scaling.attn_factor")),
    }
    original = wanted(header, "rope.scaling.original_context_length")
    return config | {"rope_scaling": scaling, "original_max_position_embeddings": original}


def gpt2(header: Header) -> dict[str, Any]:
    """GPT-2; the converter has turned its weights, so that they lie as (out, in)."""
    return sizes(header) | {
        "intermediate_size": wanted(header, "feed_forward_length"),
        "activation_function": "gelu_new",
        "layer_norm_epsilon": wanted_number(header, "attention.layer_norm_epsilon"),
        "weights_in_out": False,
    }


def gpt_neox(header: Header) -> dict[str, Any]:
    """GPT-NeoX."""
    is_parallel = header.flag(header.own("use_parallel_residual"))
    return plain(header, "layer_norm_eps", "gelu") | {
        "attention_bias": holds(header, "blk.0.attn_qkv.bias"),
        "use_parallel_residual": True if is_parallel is None else is_parallel,
    }


def bloom(header: Header) -> dict[str, Any]:
    """BLOOM."""
    return sizes(header) | {"layer_norm_epsilon": wanted_number(header, "attention.layer_norm_epsilon")}


def phi2(header: Header) -> dict[str, Any]:
    """Phi-1 to Phi-2."""
    return plain(header, "layer_norm_eps", "gelu_new")


def stablelm(header: Header) -> dict[str, Any]:
    """StableLM. With a second norm its layers go one after the other, whatever use_parallel_residual says."""
    return plain(header, "layer_norm_eps", "silu") | {
        "use_qkv_bias": holds(header, "blk.0.attn_q.bias"),
        "qk_layernorm": holds(header, "blk.0.attn_q_norm.weight"),
        "use_parallel_residual": not holds(header, "blk.0.ffn_norm.weight"),
    }


def starcoder2(header: Header) -> dict[str, Any]:
    """StarCoder2; the file does not tell its window."""
    return plain(header, "norm_epsilon", "gelu_pytorch_tanh") | {"use_bias": holds(header, "blk.0.attn_q.bias")}


def gated(header: Header) -> dict[str, Any]:
    """What nearly all families since Llama have."""
    return (
        sizes(header)
        | rotary(header)
        | {
            "intermediate_size": wanted(header, "feed_forward_length"),
            "hidden_act": "silu",
            "rms_norm_eps": wanted_number(header, "attention.layer_norm_rms_epsilon"),
        }
    )


def plain(header: Header, epsilon: str, act: str) -> dict[str, Any]:
    """What families with LayerNorm and rotary positions have."""
    return (
        sizes(header)
        | rotary(header)
        | {
            "intermediate_size": wanted(header, "feed_forward_length"),
            "hidden_act": act,
            epsilon: wanted_number(header, "attention.layer_norm_epsilon"),
        }
    )


def _experts(header: Header) -> dict[str, Any]:
    return gated(header) | {
        "num_experts": wanted(header, "expert_count"),
        "num_experts_per_tok": wanted(header, "expert_used_count"),
        "moe_intermediate_size": wanted(header, "expert_feed_forward_length"),
    }


def _score_scale(header: Header, largest: int) -> float:
    queries, _, width = heads(header)
    return wanted(header, "embedding_length") / queries if wanted(header, "block_count") == largest else width


def sizes(header: Header, *, checks_width: bool = True) -> dict[str, Any]:
    """What all families have. Raises CheckpointProblem where the numbers and the tensors contradict each other."""
    layers = wanted(header, "block_count")
    stored = len({parts(tensor.name)[1] for tensor in header.tensors} - {""})
    if layers != stored:
        raise CheckpointProblem(f"{header.path.name} claims {layers} layers and holds {stored}", code="config_invalid")
    queries, keys, width = heads(header)
    if checks_width and optional(header, "attention.value_length") not in (None, width):
        raise CheckpointProblem("values of another width than keys are not computed here", code="unknown_architecture")
    return {
        "vocab_size": embeddings(header),
        "hidden_size": wanted(header, "embedding_length"),
        "num_hidden_layers": layers,
        "num_attention_heads": queries,
        "num_key_value_heads": keys,
        "head_dim": width,
        "max_position_embeddings": wanted(header, "context_length"),
        "tie_word_embeddings": not holds(header, "output.weight"),
        "bos_token_id": next(iter(token_ids(header, "bos")), None),
        "eos_token_id": token_ids(header, "eos", "eot", "eom"),
    }


def rotary(header: Header) -> dict[str, Any]:
    """What families with rotary positions have."""
    width = heads(header)[2]
    return {
        "partial_rotary_factor": (optional(header, "rope.dimension_count") or width) / width,
        "rope_theta": header.number(header.own("rope.freq_base")) or 10000.0,
        "rope_scaling": _rope_scaling(header, has_factors=holds(header, f"{ROPE_FACTORS}.weight")),
    }


def _rope_scaling(header: Header, has_factors: bool) -> dict[str, Any] | None:
    """A kind that no family computes keeps its name, so that the family can refuse it."""
    kind = header.text(header.own("rope.scaling.type")) or "linear"
    factors = (header.number(header.own(key)) for key in ("rope.scaling.factor", "rope.scale_linear"))
    factor = next((found for found in factors if found), 1.0)
    if kind == "none" or (kind == "linear" and factor == 1):
        return {"rope_type": "factors"} if has_factors else None
    scaling = {"rope_type": f"{kind} and factors" if has_factors else kind, "factor": factor}
    original = optional(header, "rope.scaling.original_context_length")
    return scaling if original is None else {**scaling, "original_max_position_embeddings": original}


def holds(header: Header, name: str) -> bool:
    """Whether the file has a tensor of that name."""
    return any(tensor.name == name for tensor in header.tensors)
