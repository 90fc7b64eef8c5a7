"""The older families' names for hidden_size, num_hidden_layers and the like, and what follows from them. No torch.

The catalog asks here for the context and the size of the cache, which some families do not say under common names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPELLINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bloom": {
        "hidden_size": ("n_embed",),
        "num_hidden_layers": ("n_layer",),
        "num_attention_heads": ("n_head",),
        "max_position_embeddings": ("seq_length",),
    },
    "falcon": {
        "num_hidden_layers": ("n_layer",),
        "num_attention_heads": ("n_head",),
        "num_key_value_heads": ("num_kv_heads", "n_head_kv"),
        "intermediate_size": ("ffn_hidden_size",),
    },
    "gpt2": {
        "hidden_size": ("n_embd",),
        "intermediate_size": ("n_inner",),
        "num_hidden_layers": ("n_layer",),
        "num_attention_heads": ("n_head",),
        "max_position_embeddings": ("n_positions", "n_ctx"),
    },
    "gpt_neox": {"partial_rotary_factor": ("rotary_pct",), "rope_theta": ("rotary_emb_base",)},
    "opt": {"intermediate_size": ("ffn_dim",)},
    "stablelm": {"partial_rotary_factor": ("rope_pct",)},
}
DEFAULT_CONTEXT: Mapping[str, int] = {"bloom": 2048, "falcon": 2048}
LATENT = ("deepseek_v2", "deepseek_v3", "mini_deepseek")
# The width of a head where config.json tells neither that nor another than hidden_size / num_attention_heads.
DEFAULT_WIDTH: Mapping[str, int] = {
    "gemma": 256,
    "gemma2": 256,
    "gemma3_text": 256,
    "glm": 128,
    "glm4": 128,
    "gpt_oss": 64,
    "qwen3": 128,
}


def common_spelling(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same config.json with the common names added where only the family's own are there."""
    model_type = config.get("model_type")
    spellings = SPELLINGS.get(model_type, {}) if isinstance(model_type, str) else {}
    found = dict(config)
    for common, theirs in spellings.items():
        if found.get(common) is None:
            found[common] = next((config[name] for name in theirs if config.get(name) is not None), None)
    return found


def usable_context(config: Mapping[str, Any]) -> int | None:
    """Tokens that a model takes here: with LongRoPE those of its original context, else all it was made for."""
    found = common_spelling(config)
    for name in ("rope_parameters", "rope_scaling"):
        section = found.get(name)
        if isinstance(section, Mapping) and section.get("rope_type", section.get("type")) in ("longrope", "su"):
            original = found.get("original_max_position_embeddings") or section.get("original_max_position_embeddings")
            return _whole(original) or _whole(found.get("max_position_embeddings"))
    return _whole(found.get("max_position_embeddings")) or DEFAULT_CONTEXT.get(str(found.get("model_type")))


def key_value_heads(config: Mapping[str, Any]) -> int | None:
    """How many heads of keys and values the cache holds; None when config.json does not say."""
    found = common_spelling(config)
    heads = _whole(found.get("num_attention_heads"))
    if found.get("model_type") == "falcon" and not found.get("new_decoder_architecture"):
        return 1 if found.get("multi_query", True) else heads
    return _whole(found.get("num_key_value_heads")) or heads


def cached_numbers_per_token(config: Mapping[str, Any]) -> int | None:
    """How many keys and values the cache holds for one token; None when config.json does not say."""
    found = common_spelling(config)
    layers, heads = _whole(found.get("num_hidden_layers")), _whole(found.get("num_attention_heads"))
    hidden = _whole(found.get("hidden_size"))
    if not layers or not heads or not hidden:
        return None
    if found.get("model_type") in LATENT:
        nope, rotary, values = (
            _whole(found.get(name)) or 0 for name in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
        )
        return 2 * layers * heads * max(nope + rotary, values)
    width = _whole(found.get("head_dim")) or DEFAULT_WIDTH.get(str(found.get("model_type"))) or hidden // heads
    per_layer = 2 * (key_value_heads(found) or heads) * width
    # nanochat keeps the embedding of the token before, as wide as the model, in layers of its own.
    further = -(-hidden // per_layer) if found.get("model_type") == "nanochat" and found.get("smear_channels") else 0
    return per_layer * (layers + further)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
