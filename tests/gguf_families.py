"""GGUF files of tiny models that the reference implementation saved, changed as the usual converter changes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
from gguf import MODEL_ARCH_NAMES, GGMLQuantizationType, get_tensor_name_map
from gguf.quants import dequantize, quantize

from tests.gguf_files import VALUES, stays_wide, write_tiny_llama

Weights = dict[str, numpy.ndarray]
Change = Callable[[Weights, Mapping[str, Any]], Weights]
KEYS: Mapping[str, tuple[str, ...]] = {
    "context_length": ("max_position_embeddings",),
    "embedding_length": ("hidden_size",),
    "block_count": ("num_hidden_layers",),
    "feed_forward_length": ("intermediate_size", "n_inner"),
    "attention.head_count": ("num_attention_heads",),
    "attention.head_count_kv": ("num_kv_heads", "num_key_value_heads"),
    "attention.key_length": ("head_dim",),
    "attention.value_length": ("head_dim",),
    "attention.layer_norm_rms_epsilon": ("rms_norm_eps",),
    "attention.layer_norm_epsilon": ("layer_norm_epsilon", "layer_norm_eps", "norm_epsilon"),
    "attention.scale": ("attention_multiplier",),
    "embedding_scale": ("embedding_multiplier",),
    "residual_scale": ("residual_multiplier",),
    "logit_scale": ("logits_scaling", "logit_scale"),
    "attention.clamp_kqv": ("clip_qkv",),
    "use_parallel_residual": ("use_parallel_residual",),
    "attn_logit_softcapping": ("attn_logit_softcapping",),
    "final_logit_softcapping": ("final_logit_softcapping",),
    "attention.q_lora_rank": ("q_lora_rank",),
    "expert_count": ("num_experts", "num_local_experts"),
    "expert_used_count": ("num_experts_per_tok",),
    "expert_feed_forward_length": ("moe_intermediate_size",),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size",),
}
PER_LAYER = r"(?P<before>.*\.)(?:experts|norms)\.(?P<number>\d+)\.(?P<after>.*)"


def write_family(
    path: Path, arch: str, weights: Weights, config: Mapping[str, Any], encoding: str, **extra: Any
) -> Path:
    """The file of a model with these weights and this config.json; `extra` is added: numbers, and arrays as tensors."""
    more = {name: extra.pop(name) for name, value in list(extra.items()) if isinstance(value, numpy.ndarray)}
    changed = CHANGES.get(arch, unchanged)(stacked(weights), config)
    renamed = {gguf_name(arch, name, config): array for name, array in changed.items()}
    values = dict.fromkeys(key for key in VALUES if key.startswith("llama.")) if arch != "llama" else {}
    values |= {f"{arch}.{key}": value for key, value in {**numbers(config), **extra}.items()}
    return write_tiny_llama(path, values=values, weights=renamed | more, encoding=encoding, arch=arch)


def numbers(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the converter writes of every architecture, where config.json has it."""
    rope = config.get("rope_parameters") or {}
    width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    found = {key: next((config[n] for n in names if config.get(n) is not None), None) for key, names in KEYS.items()}
    found["feed_forward_length"] = found["feed_forward_length"] or 4 * config["hidden_size"]
    found["rope.freq_base"] = rope.get("rope_theta")
    found["rope.dimension_count"] = int(width * rope.get("partial_rotary_factor", 1)) if rope else None
    return {key: value for key, value in found.items() if value is not None}


def stacked(weights: Weights) -> Weights:
    """Experts, and norms of single heads, joined into one tensor."""
    found: Weights = {}
    groups: dict[str, dict[int, numpy.ndarray]] = {}
    for name, array in weights.items():
        match = re.fullmatch(PER_LAYER, name)
        if match is None:
            found[name] = array
            continue
        joined = match["before"].replace("model.", "").replace("block_sparse_moe", "feed_forward")
        joined += f"experts.{match['after']}"
        if ".norms." in name:
            joined = match["before"] + match["after"]
        elif "block_sparse_moe" not in name:
            joined = f"{match['before']}experts.{match['after']}"
        groups.setdefault(joined, {})[int(match["number"])] = array
    return found | {name: numpy.stack([group[key] for key in sorted(group)]) for name, group in groups.items()}


def gguf_name(arch: str, name: str, config: Mapping[str, Any]) -> str:
    """The name that the gguf package's own table gives a tensor."""
    number = next(number for number, known in MODEL_ARCH_NAMES.items() if known == arch)
    if arch == "bloom":
        name = name.removeprefix("transformer.")
    found = get_tensor_name_map(number, config["num_hidden_layers"]).get_name(name, try_suffixes=(".weight", ".bias"))
    assert found is not None, name
    return found


def rounded(name: str, array: numpy.ndarray, encoding: str) -> numpy.ndarray:
    """The array as it comes back from being packed; packing it again changes nothing."""
    if stays_wide(name, array):
        return array
    kind = GGMLQuantizationType[encoding]
    return dequantize(quantize(numpy.ascontiguousarray(array), kind), kind)


def unchanged(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """Most architectures are only renamed."""
    return weights


def pair_by_pair(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """The rows of queries and keys, whose two halves are turned together, put side by side."""
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}

    def change(name: str, array: numpy.ndarray) -> numpy.ndarray:
        count = next((count for part, count in heads.items() if f".{part}." in name), None)
        if count is None:
            return array
        return array.reshape(count, 2, -1, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)

    return {name: change(name, array) for name, array in weights.items()}


def norms_with_one(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """Norms that multiply by 1 + w are written as 1 + w."""
    return {name: array + numpy.float32(name.endswith("norm.weight")) for name, array in weights.items()}


def lying_out_in(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """Matrices that lie as (in, out) turned."""
    return {
        name: numpy.ascontiguousarray(array.T) if is_turned(name, array) else array for name, array in weights.items()
    }


def is_turned(name: str, array: numpy.ndarray) -> bool:
    """Whether a tensor of GPT-2 lies as (in, out)."""
    return array.ndim == 2 and ".c_" in name


def kind_by_kind(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """Rows of queries, keys and values of one head after the other put as all queries, all keys and all values."""
    heads = config["num_attention_heads"]

    def change(array: numpy.ndarray) -> numpy.ndarray:
        return array.reshape(heads, 3, -1, *array.shape[1:]).swapaxes(0, 1).reshape(array.shape)

    return {name: change(array) if ".query_key_value." in name else array for name, array in weights.items()}


def gates_flat(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """The gate of the shared expert, one row, as a vector."""
    return {name: array[0] if ".shared_expert_gate." in name else array for name, array in weights.items()}


def groups_kind_by_kind(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """Rows of queries, key and value of one group after the other put as all queries, all keys and all values."""
    heads = config["num_attention_heads"]
    groups = config["num_kv_heads"] if config["new_decoder_architecture"] else 1

    def change(array: numpy.ndarray) -> numpy.ndarray:
        grouped = array.reshape(groups, heads // groups + 2, -1, *array.shape[1:])
        parts = grouped[:, :-2], grouped[:, -2:-1], grouped[:, -1:]
        return numpy.concatenate([part.reshape(-1, *array.shape[1:]) for part in parts])

    return {name: change(array) if ".query_key_value." in name else array for name, array in weights.items()}


def experts_apart(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """Gates and ups, which lie in turns, apart; experts as (experts, out, in); names with a last part."""
    found: Weights = {}
    for name, array in weights.items():
        if name.endswith((".gate_up_proj", ".gate_up_proj_bias")):
            stem, last = name.split(".gate_up_proj")
            wide = array.swapaxes(1, 2) if not last else array
            for number, part in enumerate(("gate_proj", "up_proj")):
                found[f"{stem}.{part}.{'bias' if last else 'weight'}"] = numpy.ascontiguousarray(wide[:, number::2])
        elif name.endswith(".down_proj"):
            found[f"{name}.weight"] = numpy.ascontiguousarray(array.swapaxes(1, 2))
        elif name.endswith(".down_proj_bias"):
            found[name.replace("_bias", ".bias")] = array
        else:
            found[f"{name}.weight" if name.endswith(".sinks") else name] = array
    return found


def latent_apart(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """What gives keys and values out of the latent apart, keys turned; the correction with a last part."""
    found: Weights = {}
    for name, array in weights.items():
        if ".kv_b_proj." in name:
            heads, nope = config["num_attention_heads"], config["qk_nope_head_dim"]
            pairs = array.reshape(heads, -1, array.shape[-1])
            found[name.replace("kv_b_proj", "k_b_proj")] = numpy.ascontiguousarray(pairs[:, :nope].swapaxes(1, 2))
            found[name.replace("kv_b_proj", "v_b_proj")] = numpy.ascontiguousarray(pairs[:, nope:])
        else:
            found[name.replace("e_score_correction_bias", "e_score_correction.bias")] = array
    return found


CHANGES: Mapping[str, Change] = {
    "llama": pair_by_pair,
    "smollm3": pair_by_pair,
    "granite": pair_by_pair,
    "gemma": norms_with_one,
    "gemma2": norms_with_one,
    "gemma3": norms_with_one,
    "gpt2": lying_out_in,
    "gptneox": kind_by_kind,
    "bloom": kind_by_kind,
    "qwen2moe": gates_flat,
    "olmo": pair_by_pair,
    "mistral3": pair_by_pair,
    "falcon": groups_kind_by_kind,
    "gpt-oss": experts_apart,
    "deepseek2": latent_apart,
}
