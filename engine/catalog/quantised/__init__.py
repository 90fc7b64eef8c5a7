"""Quantised Hugging Face directories: which method packed the weights, and records that say how to unpack them.

One method a file, all with the function `records(settings, found)`: the tensors of the files, those of one packed
matrix put together under the name that the matrix has in a plain checkpoint. An unknown method is refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.catalog.info import TensorRecord
from engine.catalog.quantised import awq, bitsandbytes, compressed_tensors, fp8, gptq, mxfp4
from engine.errors import CheckpointProblem

Records = tuple[TensorRecord, ...]
METHODS: Mapping[str, Callable[[Mapping[str, Any], Sequence[TensorRecord]], Records]] = {
    "awq": awq.records,
    "bitsandbytes": bitsandbytes.records,
    "bitsandbytes_4bit": bitsandbytes.records,
    "bitsandbytes_8bit": bitsandbytes.records,
    "compressed-tensors": compressed_tensors.records,
    "fbgemm_fp8": fp8.records,
    "fp8": fp8.records,
    "gptq": gptq.records,
    "mxfp4": mxfp4.records,
}
SECTIONS = ("quantization_config", "compression_config", "quantization")


def method(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The method that a config.json names and its settings; None when the weights are plain numbers.

    Raises CheckpointProblem, `quantisation_not_supported`, for a method that is not unpacked here.
    """
    section = next((config[key] for key in SECTIONS if config.get(key) is not None), None)
    if section is None:
        return None
    name = section.get("quant_method") if isinstance(section, Mapping) else None
    if isinstance(name, str) and name in METHODS:
        return name, section
    shown = repr(name)[:60] if name is not None else "without a name (MLX writes such files)"
    raise CheckpointProblem(
        f"the weights are quantised by a method that is not unpacked here: {shown}",
        code="quantisation_not_supported",
        hint=f"Save the model dequantised, or quantised by one of: {', '.join(sorted(METHODS))}.",
    )


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """config.json as it would be without quantisation. Raises CheckpointProblem as `method` does."""
    method(config)
    return {key: value for key, value in config.items() if key not in SECTIONS}


def unpacked(config: Mapping[str, Any], found: Records) -> Records:
    """The records of a directory's matrices, packed or not. Raises CheckpointProblem for parts that are missing."""
    named = method(config)
    return found if named is None else METHODS[named[0]](named[1], found)
