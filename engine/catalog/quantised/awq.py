"""AWQ in the form "gemm": words of four bits along the outputs, a scale and a zero point for each group of inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.catalog.info import TensorRecord
from engine.catalog.quantised.parts import grouped, matrix, needed, rank, unsupported, whole


def records(settings: Mapping[str, Any], found: Sequence[TensorRecord]) -> tuple[TensorRecord, ...]:
    """The matrices and what was left alone. Raises CheckpointProblem for variants that are not unpacked here."""
    bits, size = whole(settings, "bits", 4), whole(settings, "group_size", 128)
    form = str(settings.get("version") or settings.get("format") or "gemm").lower()
    if bits != 4 or form != "gemm":
        raise unsupported(f"AWQ with {bits} bits in the form {form!r}")
    matrices, rest = grouped(found, ".qweight", (".qzeros", ".scales"))
    for stem, parts in matrices.items():
        inputs, words = rank(parts[".qweight"], 2)
        sources = {
            "weights": parts[".qweight"],
            "zeros": needed(parts, ".qzeros"),
            "scales": needed(parts, ".scales"),
        }
        group = size if size > 0 else inputs
        rest.append(matrix(f"{stem}.weight", (words * 8, inputs), "AWQ 4 bit", "awq", sources, group_size=group))
    return tuple(rest)
