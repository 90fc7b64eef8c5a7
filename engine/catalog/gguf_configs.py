"""config.json of a GGUF file, as Hugging Face would have it: one function for each architecture."""

from __future__ import annotations

from typing import Any

from engine.catalog.gguf_header import Header
from engine.catalog.gguf_names import ROPE_FACTORS, parts
from engine.catalog.gguf_numbers import embeddings, heads, optional, token_ids, wanted, wanted_number
from engine.errors import CheckpointProblem


def llama(header: Header) -> dict[str, Any]:
    """Llama and all that is computed as it is."""
    if optional(header, "expert_count"):
        raise CheckpointProblem("mixtures of experts cannot be read from GGUF here yet", code="unknown_architecture")
    return gated(header) | {
        "attention_bias": _holds(header, "blk.0.attn_q.bias"),
        "mlp_bias": _holds(header, "blk.0.ffn_gate.bias"),
    }


def qwen2(header: Header) -> dict[str, Any]:
    """Qwen2, whose biases go without saying."""
    return gated(header)


def qwen3(header: Header) -> dict[str, Any]:
    """Qwen3."""
    return gated(header) | {"attention_bias": _holds(header, "blk.0.attn_q.bias")}


def gated(header: Header) -> dict[str, Any]:
    """What nearly all families since Llama have."""
    return (
        _sizes(header)
        | _rotary(header)
        | {
            "intermediate_size": wanted(header, "feed_forward_length"),
            "hidden_act": "silu",
            "rms_norm_eps": wanted_number(header, "attention.layer_norm_rms_epsilon"),
        }
    )


def _sizes(header: Header) -> dict[str, Any]:
    """What all families have. Raises CheckpointProblem where the numbers and the tensors contradict each other."""
    layers = wanted(header, "block_count")
    stored = len({parts(tensor.name)[1] for tensor in header.tensors} - {""})
    if layers != stored:
        raise CheckpointProblem(f"{header.path.name} claims {layers} layers and holds {stored}", code="config_invalid")
    queries, keys, width = heads(header)
    if optional(header, "attention.value_length") not in (None, width):
        raise CheckpointProblem("values of another width than keys are not computed here", code="unknown_architecture")
    return {
        "vocab_size": embeddings(header),
        "hidden_size": wanted(header, "embedding_length"),
        "num_hidden_layers": layers,
        "num_attention_heads": queries,
        "num_key_value_heads": keys,
        "head_dim": width,
        "max_position_embeddings": wanted(header, "context_length"),
        "tie_word_embeddings": not _holds(header, "output.weight"),
        "bos_token_id": next(iter(token_ids(header, "bos")), None),
        "eos_token_id": token_ids(header, "eos", "eot", "eom"),
    }


def _rotary(header: Header) -> dict[str, Any]:
    width = heads(header)[2]
    return {
        "partial_rotary_factor": (optional(header, "rope.dimension_count") or width) / width,
        "rope_theta": header.number(header.own("rope.freq_base")) or 10000.0,
        "rope_scaling": _rope_scaling(header, has_factors=_holds(header, f"{ROPE_FACTORS}.weight")),
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


def _holds(header: Header, name: str) -> bool:
    return any(tensor.name == name for tensor in header.tensors)
