"""The header of a safetensors file, read and checked without the file's tensors.

Format: https://huggingface.co/docs/safetensors: a little-endian u64 length, that many bytes of JSON, then the data.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem

LONGEST_HEADER = 100 * 1000 * 1000
MOST_TENSORS = 1_000_000
HIGHEST_RANK = 8
HEADERS_REMEMBERED, LONGEST_REMEMBERED = 8, 1 << 20
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
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if len(start) < 8 or 8 + length > size:
            raise _truncated(file, 8 + length, size)
        if length > LONGEST_HEADER:
            raise _unsafe(file, f"its header claims {length} bytes")
        text = stream.read(length)
    try:
        found = _entries(text) if length <= LONGEST_REMEMBERED else _entries.__wrapped__(text)
    except (ValueError, RecursionError) as error:
        raise _unsafe(file, str(error)) from error
    if found and 8 + length + found[-1].end > size:
        raise _truncated(file, 8 + length + found[-1].end, size)
    return tuple([_record(file, 8 + length, entry) for entry in found])


class _Entry(NamedTuple):
    """A tensor as the header lists it; its data lie from `begin` to `end`, counted from the header's end."""

    name: str
    shape: tuple[int, ...]
    encoding: str
    begin: int
    end: int


# The checkpoints of a run have one and the same header, byte for byte, and are looked at one after the other.
@lru_cache(maxsize=HEADERS_REMEMBERED)
def _entries(text: bytes) -> tuple[_Entry, ...]:
    """The tensors in the order of their data. Raises ValueError with what is not sound."""
    try:
        header = json.loads(text, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its header is not readable JSON ({error})") from error
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    header.pop("__metadata__", None)
    if len(header) > MOST_TENSORS:
        raise ValueError(f"it claims {len(header)} tensors")
    found = sorted((_entry(*each) for each in header.items()), key=lambda entry: entry.begin)
    for before, entry in pairwise(found):
        if entry.begin < before.end:
            raise ValueError(f"the tensor {entry.name} overlaps the one before it")
    return tuple(found)


def _distinct(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} stands there twice")
        result[key] = value
    return result


def _entry(name: str, entry: Any) -> _Entry:
    try:
        encoding, shape = entry["dtype"], tuple(entry["shape"])
        begin, end = entry["data_offsets"]
        numbers = (*shape, begin, end)
        is_sound = {*map(type, numbers)} == {int} and min(numbers) >= 0 and len(shape) <= HIGHEST_RANK
        bits = BITS[encoding]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the entry of the tensor {name[:100]} cannot be read ({error!r})") from error
    if not is_sound or end - begin != math.prod(shape) * bits // 8:
        raise ValueError(f"the tensor {name[:100]} claims bytes {begin} to {end} for the shape {list(shape)}")
    return _Entry(name, shape, encoding, begin, end)


def _record(file: Path, data_start: int, entry: _Entry) -> TensorRecord:
    return TensorRecord(
        entry.name, entry.shape, entry.encoding, file, data_start + entry.begin, entry.end - entry.begin
    )


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
