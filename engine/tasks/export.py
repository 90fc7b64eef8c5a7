"""Write any checkpoint of a family that Hugging Face knows as a folder that `transformers` loads.

Weights, config.json, tokenizer.json and the chat template; quantised weights are unpacked. Tensors pass through one at
a time, and the folder gets its name only when all of it is written.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.catalog.info import CheckpointInfo
from engine.catalog.opening import Opened
from engine.errors import CheckpointProblem, InvalidRequest
from engine.models.registry import FAMILIES, family
from engine.tasks.huggingface_shape import Piece, shaped
from engine.tasks.huggingface_text import write_tokenizer
from engine.tasks.reporting import Report
from engine.tasks.safetensors_writer import ShardWriter, shards_of
from engine.version import VERSION
from engine.weights.reader import DTYPES, read

# Families of our own, which no class of transformers computes.
UNKNOWN_TO_HUGGING_FACE = frozenset({"mini_deepseek", "minimind"})
SPARE = 1.02


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the folder, the weights' type, and bytes of weights."""

    folder: str
    dtype: str
    tensors: int
    weights_bytes: int


def export(info: CheckpointInfo, opened: Opened, out: Path, dtype: str, report: Report) -> Exported:
    """Write the folder `out`, which must not be there yet; `dtype` "auto" keeps plain types and unpacks to float16.

    Raises InvalidRequest for a folder that is there or a disk that is full, CheckpointProblem for what the checkpoint
    does not allow.
    """
    settings = opened.config()
    _refuse(info, settings, out)
    settings, pieces = shaped(settings, opened.tensors())
    target = _dtype(pieces, dtype)
    total = sum(piece.numbers for piece in pieces) * target.itemsize
    free = shutil.disk_usage(out.absolute().parent).free
    if free < SPARE * total:
        raise InvalidRequest(
            f"{total} bytes are to be written and the disk of {out.absolute().parent} has {free} left",
            code="not_enough_disk",
            hint="Make room, or name a folder on another disk.",
        )
    partial = out.with_name(f".{out.name}.incomplete")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write_weights(partial, pieces, target, total, report)
        _write_json(partial / "config.json", _config(settings, target))
        write_tokenizer(partial, opened, info.sampling_defaults)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Exported(str(out), str(target).removeprefix("torch."), len(pieces), total)


def as_json(exported: Exported) -> dict[str, Any]:
    """The same as JSON has it."""
    return asdict(exported)


def _refuse(info: CheckpointInfo, settings: Mapping[str, Any], out: Path) -> None:
    model_type = settings.get("model_type")
    if model_type in UNKNOWN_TO_HUGGING_FACE:
        raise CheckpointProblem(
            f"{info.id} is a {model_type}, which transformers has no class for",
            code="export_not_supported",
            hint=f"These can be exported: {', '.join(sorted(FAMILIES - UNKNOWN_TO_HUGGING_FACE))}.",
        )
    family(settings).Config.from_json(settings)
    if out.exists():
        raise InvalidRequest(f"{out} is there already", hint="Name a folder that is not there yet.")
    if not out.absolute().parent.is_dir():
        raise InvalidRequest(f"{out.absolute().parent} is no folder", hint="Make it first, or name another place.")


def _dtype(pieces: Sequence[Piece], asked: str) -> torch.dtype:
    if asked != "auto":
        return getattr(torch, asked)
    counted = Counter[str]()
    for piece in pieces:
        counted[piece.encoding] += piece.numbers
    most = counted.most_common(1)[0][0]
    dtype = DTYPES.get(most, torch.float16)
    return torch.float32 if dtype == torch.float64 else dtype


def _write_weights(folder: Path, pieces: Sequence[Piece], dtype: torch.dtype, total: int, report: Report) -> None:
    by_name = {piece.record.name: piece for piece in pieces if piece.record is not None}
    ordered = [*read_order(pieces), *(piece for piece in pieces if piece.record is None)]
    with ShardWriter(folder, shards_of(ordered, dtype), dtype) as writer:
        report("writing weights", 0, total)
        for record, tensor in read([piece.record for piece in ordered if piece.record is not None]):
            piece = by_name[record.name]
            writer.write(piece.name, _converted(piece.change(tensor), dtype, piece.name))
            report("writing weights", writer.written, total)
        for piece in ordered:
            if piece.record is None:
                writer.write(piece.name, torch.zeros(piece.shape, dtype=dtype))
        report("writing weights", total, total)


def read_order(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces that come out of files, in the order in which reading gives them."""
    return sorted(
        (piece for piece in pieces if piece.record is not None),
        key=lambda piece: (piece.record.file, piece.record.offset),
    )


def _converted(tensor: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    converted = tensor.to(dtype)
    if dtype == torch.float16 and bool(torch.isinf(converted).any()) and not bool(torch.isinf(tensor).any()):
        raise CheckpointProblem(
            f"{name} has numbers that are too large for float16",
            code="export_not_supported",
            hint="Export it as bfloat16 or float32.",
        )
    return converted


def _config(settings: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    kept = {key: value for key, value in settings.items() if key not in ("quantization_config", "torch_dtype")}
    told = {"dtype": str(dtype).removeprefix("torch."), "exported_by": f"parley {VERSION}"}
    # Where config.json names no token for padding, a class of transformers brings one that the vocabulary may not have.
    return {"pad_token_id": None, **kept, **told}


def _write_json(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
