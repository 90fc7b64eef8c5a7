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
PER_LAYER = r"(?P<before>.*\.)(?:experts|norms)\.(?P<number>\d+)\.(?P<after>.*)"


def write_family(
    path: Path, arch: str, weights: Weights, config: Mapping[str, Any], encoding: str, **extra: Any
) -> Path:
    """The file of a model with these weights and this config.json; `extra` is added to its numbers."""
    changed = CHANGES.get(arch, unchanged)(stacked(weights), config)
    renamed = {gguf_name(arch, name, config): array for name, array in changed.items()}
    values = dict.fromkeys(key for key in VALUES if key.startswith("llama.")) if arch != "llama" else {}
    values |= {f"{arch}.{key}": value for key, value in {**numbers(config), **extra}.items()}
    return write_tiny_llama(path, values=values, weights=renamed, encoding=encoding, arch=arch)


def numbers(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the converter writes of every architecture, where config.json has it."""
    found = {
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "block_count": config["num_hidden_layers"],
        "feed_forward_length": config.get("intermediate_size") or 4 * config["hidden_size"],
        "attention.head_count": config["num_attention_heads"],
        "attention.head_count_kv": config.get("num_key_value_heads"),
        "attention.key_length": config.get("head_dim"),
        "attention.value_length": config.get("head_dim"),
        "attention.layer_norm_rms_epsilon": config.get("rms_norm_eps"),
        "rope.freq_base": (config.get("rope_parameters") or {}).get("rope_theta"),
    }
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
        joined = match["before"] + ("experts." if ".experts." in name else "") + match["after"]
        groups.setdefault(joined, {})[int(match["number"])] = array
    return found | {name: numpy.stack([group[key] for key in sorted(group)]) for name, group in groups.items()}


def gguf_name(arch: str, name: str, config: Mapping[str, Any]) -> str:
    """The name that the gguf package's own table gives a tensor."""
    number = next(number for number, known in MODEL_ARCH_NAMES.items() if known == arch)
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


CHANGES: Mapping[str, Change] = {
    "llama": pair_by_pair,
    "smollm3": pair_by_pair,
    "granite": pair_by_pair,
    "gemma": norms_with_one,
    "gemma2": norms_with_one,
    "gemma3": norms_with_one,
}
