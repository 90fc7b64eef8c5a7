"""MXFP4 as gpt-oss has it: four-bit floating numbers of all experts, each 32 with a power of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.catalog.info import TensorRecord
from engine.catalog.quantised.parts import grouped, matrix, needed, rank


def records(settings: Mapping[str, Any], found: Sequence[TensorRecord]) -> tuple[TensorRecord, ...]:
    """The experts' matrices, (experts, in, out), and what was left alone. Raises CheckpointProblem without scales."""
    matrices, rest = grouped(found, "_blocks", ("_scales",))
    for stem, parts in matrices.items():
        experts, outputs, blocks, _ = rank(parts["_blocks"], 4)
        sources = {"weights": parts["_blocks"], "scales": needed(parts, "_scales")}
        rest.append(matrix(stem, (experts, blocks * 32, outputs), "MXFP4", "mxfp4", sources))
    return tuple(rest)
