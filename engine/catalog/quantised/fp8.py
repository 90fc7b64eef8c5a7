"""fp8: eight-bit floating numbers times scales, one for a matrix, a row, or (DeepSeek) each block of 128 x 128.

How inputs were to be rounded is left aside: they are computed in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.catalog.info import TensorRecord
from engine.catalog.quantised.parts import grouped, matrix, needed, rank, unsupported

SCALES = (".weight_scale_inv", ".weight_scale")
INPUTS = (".input_scale", ".activation_scale", ".input_scale_ub")


def records(settings: Mapping[str, Any], found: Sequence[TensorRecord]) -> tuple[TensorRecord, ...]:
    """The matrices and what was left alone. Raises CheckpointProblem for scales that are missing."""
    block = settings.get("weight_block_size")
    if block is not None and (not isinstance(block, list) or len(block) != 2 or not all(_is_size(n) for n in block)):
        raise unsupported(f"fp8 in blocks of {block!r}")
    matrices, rest = grouped(found, ".weight", (*SCALES, *INPUTS))
    for parts in matrices.values():
        weights = parts[".weight"]
        if not weights.encoding.startswith("F8_"):
            rest.append(weights)
            continue
        scales = parts.get(SCALES[0]) or needed(parts, SCALES[1])
        sources = {"weights": weights, "scales": scales}
        shape = rank(weights, 2)
        rest.append(matrix(weights.name, shape, weights.encoding, "scaled", sources, block=block and tuple(block)))
    return tuple(rest)


def _is_size(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number > 0
