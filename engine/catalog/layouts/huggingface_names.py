"""State dicts under Hugging Face's names. A config.json inside or beside them decides; without one, Llama's relatives
are told from the tensors, and what the tensors do not tell has to be declared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.catalog.layouts.translation import Found, Translation, inferred, layers
from engine.catalog.torch_pickle import StoredTensor
from engine.errors import CheckpointProblem

NAME = "huggingface_names"
FIRST = "layers.0.self_attn.q_proj.weight"
ANCHORS = (
    "model.embed_tokens.weight",
    "embed_tokens.weight",
    "transformer.wte.weight",
    "wte.weight",
    "gpt_neox.embed_in.weight",
    "model.decoder.embed_tokens.weight",
    "transformer.word_embeddings.weight",
)
# What none of the relatives without a config.json has.
FOREIGN = ("pre_feedforward_layernorm", "sinks", "post_feedforward_layernorm", "shared_expert.", "kv_a_proj")
EXPERTS = re.compile(r"layers\.0\.mlp\.experts\.(\d{1,4})\.gate_proj\.weight")
SHARED = re.compile(r"layers\.0\.mlp\.shared_experts\.(\d{1,4})\.gate_proj\.weight")
WITH_EXPERTS = ("minimind", "qwen3_moe")
WANTED = ("num_attention_heads", "rms_norm_eps", "rope_theta", "max_position_embeddings")
CLASSES = {
    "llama": "LlamaForCausalLM",
    "minimind": "MiniMindForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What everyone who trains with a well-known script has, and the script does not save."""

    name: str
    vocab_size: int
    values: Mapping[str, Any]


# https://github.com/jingyaogong/minimind: the vocabulary of 6400 tokens is its own.
_THIRD = {"rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 32768}
_SECOND = {"num_attention_heads": 8, "rms_norm_eps": 1e-5, "rope_theta": 1e6, "max_position_embeddings": 32768}
MINIMIND: Mapping[str, Known] = {
    "qwen3": Known("minimind 3", 6400, _THIRD),
    "qwen3_moe": Known("minimind 3 with experts", 6400, _THIRD | {"num_experts_per_tok": 1}),
    "llama": Known("minimind 2", 6400, _SECOND),
    "minimind": Known("minimind 2 with experts", 6400, _SECOND | {"num_experts_per_tok": 2}),
}


def recognises(tensors: Mapping[str, StoredTensor]) -> bool:
    """Whether the embeddings are named as in one of Hugging Face's families."""
    return any(name in tensors for name in ANCHORS)


def translate(found: Found) -> Translation:
    """The model as its config.json says, or as the tensors look. Raises CheckpointProblem when neither tells."""
    whole = found.declared.hugging_face()
    if whole is not None:
        return Translation(NAME, whole, found.tensors, _names(found))
    prefix = "model." if f"model.{FIRST}" in found.tensors else ""
    is_strange = any(part in name for part in FOREIGN for name in found.tensors)
    if f"{prefix}{FIRST}" not in found.tensors or is_strange or _are_strangers_experts(found, prefix):
        raise CheckpointProblem(
            "the tensors have Hugging Face's names, but nothing says which architecture they are",
            code="config_incomplete",
            hint="Put the model's config.json beside the file.",
        )
    return _relative_of_llama(found, prefix)


def _relative_of_llama(found: Found, prefix: str) -> Translation:
    evidence: dict[str, str] = {}
    model_type = _model_type(found, prefix)
    evidence["architecture"] = f"inferred from the tensors: {model_type}"
    config: dict[str, Any] = {
        "model_type": model_type,
        "architectures": [CLASSES[model_type]],
        "vocab_size": found.rows(f"{prefix}embed_tokens.weight"),
        "hidden_size": found.columns(f"{prefix}embed_tokens.weight"),
        "intermediate_size": found.rows(f"{prefix}layers.0.mlp.{_first_mlp(found, prefix)}gate_proj.weight"),
        "num_hidden_layers": layers(found.tensors, rf"{prefix}layers\.(\d{{1,4}})\.".replace("model.", r"model\.")),
        "hidden_act": "silu",
        "tie_word_embeddings": found.is_tied("lm_head.weight", f"{prefix}embed_tokens.weight"),
    }
    if model_type == "llama":
        config["attention_bias"] = f"{prefix}layers.0.self_attn.o_proj.bias" in found.tensors
        config["mlp_bias"] = f"{prefix}layers.0.mlp.gate_proj.bias" in found.tensors
    config |= _heads(found, evidence, prefix, config) | _numbers(found, evidence, config)
    wanted = WANTED
    if model_type in WITH_EXPERTS:
        config |= _experts(found, evidence, prefix, config)
        wanted = (*WANTED, "num_experts_per_tok")
    return Translation(
        layout=NAME,
        config=config,
        tensors=found.tensors,
        names=_names(found),
        missing=tuple(name for name in wanted if config.get(name) is None),
        evidence=evidence,
    )


def _names(found: Found) -> dict[str, str]:
    """The names, with what the body of a model that was saved without its head lacks in front."""
    lacks = FIRST in found.tensors and not any(name.startswith("model.") for name in found.tensors)
    return {name: f"model.{name}" if lacks and not name.startswith("lm_head.") else name for name in found.tensors}


def _first_mlp(found: Found, prefix: str) -> str:
    return "experts.0." if f"{prefix}layers.0.mlp.experts.0.gate_proj.weight" in found.tensors else ""


def _experts(found: Found, evidence: dict[str, str], prefix: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Every layer has experts in these two; how many see a token the tensors do not tell."""
    counts = [
        len({match[1] for name in found.tensors if (match := pattern.fullmatch(name.removeprefix(prefix)))})
        for pattern in (EXPERTS, SHARED)
    ]
    chosen, known = found.declared.whole("num_experts_per_tok"), _known(config)
    if chosen is None and known is not None:
        why = f"{known.name}'s own, by its {known.vocab_size} tokens"
        chosen = inferred(evidence, "num_experts_per_tok", known.values["num_experts_per_tok"], why)
    told = {"num_experts_per_tok": chosen, "norm_topk_prob": True}
    if config["model_type"] == "minimind":
        return told | {"use_moe": True, "n_routed_experts": counts[0], "n_shared_experts": counts[1]}
    return told | {"num_experts": counts[0], "moe_intermediate_size": config["intermediate_size"]}


def _are_strangers_experts(found: Found, prefix: str) -> bool:
    """Whether there are experts and nobody known has trained them: how they are chosen and weighed is then not told."""
    if not _first_mlp(found, prefix):
        return False
    settings = {"model_type": _model_type(found, prefix), "vocab_size": found.rows(f"{prefix}embed_tokens.weight")}
    return _known(settings) is None


def _model_type(found: Found, prefix: str) -> str:
    has_experts = bool(_first_mlp(found, prefix))
    if f"{prefix}layers.0.self_attn.q_norm.weight" in found.tensors:
        return "qwen3_moe" if has_experts else "qwen3"
    if has_experts:
        return "minimind"
    attention = f"{prefix}layers.0.self_attn"
    has_biases = [f"{attention}.{part}_proj.bias" in found.tensors for part in "qo"]
    return "qwen2" if has_biases == [True, False] else "llama"


def _known(config: Mapping[str, Any]) -> Known | None:
    known = MINIMIND.get(config["model_type"])
    return known if known is not None and known.vocab_size == config["vocab_size"] else None


def _heads(found: Found, evidence: dict[str, str], prefix: str, config: Mapping[str, Any]) -> dict[str, Any]:
    attention = f"{prefix}layers.0.self_attn"
    queries, keys = (found.rows(f"{attention}.{part}_proj.weight") for part in "qk")
    norm, known = found.tensors.get(f"{attention}.q_norm.weight"), _known(config)
    width = found.declared.whole("head_dim")
    if width is None and norm is not None and norm.shape and norm.shape[0]:
        width = inferred(evidence, "head_dim", norm.shape[0], "the length of q_norm")
    heads = queries // width if width else found.declared.whole("num_attention_heads")
    if heads is None and known is not None and "num_attention_heads" in known.values:
        heads = inferred(
            evidence, "num_attention_heads", known.values["num_attention_heads"], f"{known.name} has so many"
        )
    if not heads or queries % heads:
        return {"num_attention_heads": None}
    width = queries // heads
    return {"num_attention_heads": heads, "num_key_value_heads": keys // width, "head_dim": width}


def _numbers(found: Found, evidence: dict[str, str], config: Mapping[str, Any]) -> dict[str, Any]:
    known = _known(config)
    values: dict[str, Any] = {
        "rms_norm_eps": found.declared.number("rms_norm_eps"),
        "rope_theta": found.declared.number("rope_theta"),
        "max_position_embeddings": found.declared.whole("max_position_embeddings"),
    }
    for name in values:
        if values[name] is None and known is not None:
            values[name] = inferred(
                evidence, name, known.values[name], f"{known.name}'s own, by its {known.vocab_size} tokens"
            )
    return values
