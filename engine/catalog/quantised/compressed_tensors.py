"""compressed-tensors: whole numbers packed into words, plain int8, or fp8, each with scales by group, row or matrix."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from engine.catalog.info import TensorRecord
from engine.catalog.quantised.parts import grouped, matrix, needed, rank, unsupported, whole
from engine.errors import CheckpointProblem

PACKED = "pack-quantized"
SCALED = ("int-quantized", "float-quantized", "naive-quantized")
ENDINGS = (".weight_scale", ".weight_zero_point", ".weight_shape", ".weight_g_idx", ".input_scale", ".input_zero_point")
CACHE = (".k_scale", ".v_scale")  # for a cache in fp8; here it is kept in full


def records(settings: Mapping[str, Any], found: Sequence[TensorRecord]) -> tuple[TensorRecord, ...]:
    """The matrices and what was left alone. Raises CheckpointProblem for variants that are not unpacked here."""
    form = settings.get("format")
    found = [record for record in found if not record.name.endswith(CACHE)]
    if settings.get("quantization_status") not in (None, "compressed") or settings.get("sparsity_config"):
        raise unsupported("compressed-tensors that are sparse, or not compressed yet")
    if form == PACKED:
        return _packed(settings, found)
    if form in SCALED:
        return _scaled(found)
    raise unsupported(f"compressed-tensors in the form {form!r}")


def _packed(settings: Mapping[str, Any], found: Sequence[TensorRecord]) -> tuple[TensorRecord, ...]:
    bits = _bits(settings)
    matrices, rest = grouped(found, ".weight_packed", ENDINGS)
    for stem, parts in matrices.items():
        shape = _shape(needed(parts, ".weight_shape"))
        sources = {"weights": parts[".weight_packed"], "scales": needed(parts, ".weight_scale")}
        optional = {"zeros": ".weight_zero_point", "groups": ".weight_g_idx"}
        sources |= {part: parts[ending] for part, ending in optional.items() if ending in parts}
        rest.append(matrix(f"{stem}.weight", shape, f"INT{bits}", "words", sources, bits=bits, shape=shape))
    return tuple(rest)


def _scaled(found: Sequence[TensorRecord]) -> tuple[TensorRecord, ...]:
    matrices, rest = grouped(found, ".weight", ENDINGS)
    for parts in matrices.values():
        weights = parts[".weight"]
        if ".weight_scale" not in parts:
            rest.append(weights)
            continue
        if ".weight_zero_point" in parts:
            raise unsupported("plain int8 with zero points")
        sources = {"weights": weights, "scales": parts[".weight_scale"]}
        rest.append(matrix(weights.name, rank(weights, 2), weights.encoding, "scaled", sources))
    return tuple(rest)


def _bits(settings: Mapping[str, Any]) -> int:
    """The one width of all groups."""
    groups = settings.get("config_groups")
    schemes = [group.get("weights") for group in groups.values()] if isinstance(groups, Mapping) else []
    widths = {whole(scheme, "num_bits") for scheme in schemes if isinstance(scheme, Mapping)}
    if len(widths) != 1 or not widths <= {2, 4, 8}:
        raise unsupported(f"compressed-tensors with the widths {sorted(widths)}")
    return widths.pop()


def _shape(record: TensorRecord) -> tuple[int, int]:
    if record.shape != (2,) or record.encoding not in ("I64", "I32"):
        raise CheckpointProblem(f"{record.name} is no pair of whole numbers", code="config_invalid")
    with record.file.open("rb") as file:
        file.seek(record.offset)
        rows, columns = struct.unpack("<2q" if record.encoding == "I64" else "<2i", file.read(record.nbytes))
    if rows < 1 or columns < 1:
        raise CheckpointProblem(f"{record.name} says the shape {(rows, columns)}", code="config_invalid")
    return rows, columns
