"""The header of a safetensors file, read and checked without the file's tensors.

Format: https://huggingface.co/docs/safetensors: a little-endian u64 length, that many bytes of JSON, then the data.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem

LONGEST_HEADER = 100 * 1000 * 1000
MOST_TENSORS = 1_000_000
HIGHEST_RANK = 8
BITS = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U64": 64,
    "U32": 32,
    "U16": 16,
    "U8": 8,
    "BOOL": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
}


def records(file: Path) -> tuple[TensorRecord, ...]:
    """Every tensor of the file, in the order of their data.

    Raises CheckpointProblem: `file_truncated` when the file is shorter than its header says, `unsafe_file` when the
    header lies.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if len(start) < 8 or 8 + length > size:
            raise _truncated(file, 8 + length, size)
        if length > LONGEST_HEADER:
            raise _unsafe(file, f"its header claims {length} bytes")
        header = _parse(file, stream.read(length))
    header.pop("__metadata__", None)
    if len(header) > MOST_TENSORS:
        raise _unsafe(file, f"it claims {len(header)} tensors")
    found = sorted((_record(file, 8 + length, *entry) for entry in header.items()), key=lambda each: each.offset)
    end = 8 + length
    for record in found:
        if record.offset < end:
            raise _unsafe(file, f"the tensor {record.name} overlaps the one before it")
        end = record.offset + record.nbytes
    if end > size:
        raise _truncated(file, end, size)
    return tuple(found)


def _parse(file: Path, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise _unsafe(file, f"its header is not readable JSON ({error})") from error
    if not isinstance(header, dict):
        raise _unsafe(file, "its header is not a JSON object")
    return header


def _distinct(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} stands there twice")
        result[key] = value
    return result


def _record(file: Path, data_start: int, name: str, entry: Any) -> TensorRecord:
    try:
        encoding, shape = entry["dtype"], tuple(entry["shape"])
        begin, end = entry["data_offsets"]
        numbers = (*shape, begin, end)
        is_sound = {*map(type, numbers)} == {int} and min(numbers) >= 0 and len(shape) <= HIGHEST_RANK
        bits = BITS[encoding]
    except (KeyError, TypeError, ValueError) as error:
        raise _unsafe(file, f"the entry of the tensor {name[:100]} cannot be read ({error!r})") from error
    if not is_sound or end - begin != math.prod(shape) * bits // 8:
        raise _unsafe(file, f"the tensor {name[:100]} claims bytes {begin} to {end} for the shape {list(shape)}")
    return TensorRecord(name, shape, encoding, file, data_start + begin, end - begin)


def _truncated(file: Path, expected: int, found: int) -> CheckpointProblem:
    return CheckpointProblem(
        f"{file.name} is cut short: {expected} bytes expected, {found} there",
        code="file_truncated",
        hint="It may still be being written; otherwise copy or save it again.",
    )


def _unsafe(file: Path, why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"{file.name} is not a sound safetensors file: {why}",
        code="unsafe_file",
        hint="Do not load files like this from people you do not trust; save the checkpoint again.",
    )
