"""bitsandbytes: four-bit code books (nf4, fp4) with what is needed to undo them beside each matrix, and int8 rows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.catalog.info import TensorRecord
from engine.catalog.quantised.parts import grouped, matrix, needed, unsupported, whole
from engine.errors import CheckpointProblem

STATES = (".weight.quant_state.bitsandbytes__nf4", ".weight.quant_state.bitsandbytes__fp4")
NESTED = (".weight.nested_absmax", ".weight.nested_quant_map")
ENDINGS = (*STATES, *NESTED, ".weight.absmax", ".weight.quant_map", ".SCB", ".weight_format")
LONGEST_STATE = 1 << 16


def records(settings: Mapping[str, Any], found: Sequence[TensorRecord]) -> tuple[TensorRecord, ...]:
    """The matrices and what was left alone. Raises CheckpointProblem for parts that are missing or not readable."""
    matrices, rest = grouped(found, ".weight", ENDINGS)
    for parts in matrices.values():
        weights, state = parts[".weight"], next((parts[each] for each in STATES if each in parts), None)
        if state is not None:
            rest.append(_four_bits(weights, parts, state))
        elif ".SCB" in parts:
            sources = {"weights": weights, "scales": parts[".SCB"]}
            rest.append(matrix(weights.name, weights.shape, "INT8", "scaled", sources, factor=1 / 127))
        elif weights.encoding == "U8":
            raise unsupported("four bits in files that do not say how to undo them (bitsandbytes before 0.41)")
        else:
            rest.append(weights)
    return tuple(rest)


def _four_bits(weights: TensorRecord, parts: Mapping[str, TensorRecord], state: TensorRecord) -> TensorRecord:
    said = _read(state)
    shape = said.get("shape")
    if not isinstance(shape, list) or not all(isinstance(size, int) and size > 0 for size in shape):
        raise CheckpointProblem(f"{state.name} does not say a shape", code="config_invalid")
    if math.prod(shape) > 2 * weights.nbytes:
        raise CheckpointProblem(
            f"{weights.name} has {weights.nbytes} bytes, too few for the shape {shape}", code="shape_mismatch"
        )
    sources = {
        "weights": weights,
        "largest": needed(parts, ".weight.absmax"),
        "values": needed(parts, ".weight.quant_map"),
    }
    numbers: dict[str, Any] = {"shape": tuple(shape), "block": whole(said, "blocksize")}
    if NESTED[0] in parts:
        sources |= {"inner_largest": parts[NESTED[0]], "inner_values": needed(parts, NESTED[1])}
        offset = said.get("nested_offset")
        if not isinstance(offset, int | float):
            raise CheckpointProblem(f"{state.name} does not say its nested_offset", code="config_invalid")
        numbers |= {"inner_block": whole(said, "nested_blocksize"), "inner_offset": float(offset)}
    return matrix(weights.name, tuple(shape), state.name[-3:].upper(), "code book", sources, **numbers)


def _read(state: TensorRecord) -> Mapping[str, Any]:
    """The few bytes of JSON that are a tensor's whole content."""
    if state.encoding != "U8" or state.nbytes > LONGEST_STATE:
        raise CheckpointProblem(f"{state.name} is no short row of bytes", code="config_invalid")
    with state.file.open("rb") as file:
        file.seek(state.offset)
        content = file.read(state.nbytes)
    try:
        said = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointProblem(f"{state.name} is not readable JSON", code="config_invalid") from error
    if not isinstance(said, dict):
        raise CheckpointProblem(f"{state.name} is not a JSON object", code="config_invalid")
    return said
