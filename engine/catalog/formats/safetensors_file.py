"""Loose safetensors files under any names: Mistral's consolidated.safetensors, and what scripts of one's own save."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from engine.catalog import declared, native, safetensors_header, state_dict
from engine.catalog.info import CheckpointInfo
from engine.catalog.source import Source, placed, views
from engine.errors import CheckpointProblem

NAME = "safetensors"
# Adapters, optimizers and shards of a folder whose config.json is not there are no models by themselves.
NOT_MODELS = re.compile(r"(adapter_model|adapters|optimizer|optim|.*_optim|model-\d{5}-of-\d{5}|.*\.lora)\.safetensors")


def matches(path: Path) -> bool:
    """Whether the file begins as a safetensors file does and may be a model by itself."""
    if not path.is_file() or NOT_MODELS.fullmatch(path.name):
        return False
    with path.open("rb") as stream:
        start = stream.read(9)
    if len(start) < 9 or start[8:] != b"{":
        return False
    return struct.unpack("<Q", start[:8])[0] <= safetensors_header.LONGEST_HEADER


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the header says; whatever stands in the way of loading becomes the `problem`. Raises only OSError."""
    return native.describe(CheckpointInfo.of_file(path, checkpoint_id, NAME), lambda: source(path))


def source(path: Path) -> Source:
    """The file's header. Raises CheckpointProblem for a broken file and one without matrices."""
    records = {record.name: record for record in safetensors_header.records(path)}
    weights = state_dict.found(views(records))
    if not any(len(tensor.shape) == 2 for tensor in weights.tensors.values()):
        raise CheckpointProblem(
            f"{path.name} holds no weights of a model", code="not_a_model", hint="Load the file with the whole model."
        )
    return Source(path, weights, declared.declared(path, {}), placed(records))
