"""GPTQ: words of 2, 3, 4 or 8 bits along the inputs, a scale and a zero point for each group of inputs.

Version 1 of the files keeps zero points less one; version 2 as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.catalog.info import TensorRecord
from engine.catalog.quantised.parts import grouped, matrix, needed, rank, unsupported, whole

ENDINGS = (".qzeros", ".scales", ".g_idx")
WIDTHS = (2, 3, 4, 8)
ZERO_OFFSETS = {"gptq": 1, "gptq_v2": 0}


def records(settings: Mapping[str, Any], found: Sequence[TensorRecord]) -> tuple[TensorRecord, ...]:
    """The matrices and what was left alone. Raises CheckpointProblem for variants that are not unpacked here."""
    bits, size = whole(settings, "bits"), whole(settings, "group_size", -1)
    form = settings.get("checkpoint_format") or "gptq"
    if bits not in WIDTHS or form not in ZERO_OFFSETS:
        raise unsupported(f"GPTQ with {bits} bits in the form {form!r}")
    matrices, rest = grouped(found, ".qweight", ENDINGS)
    for stem, parts in matrices.items():
        rows, columns = rank(parts[".qweight"], 2)
        inputs = rows * 32 // bits
        sources = {
            "weights": parts[".qweight"],
            "zeros": needed(parts, ".qzeros"),
            "scales": needed(parts, ".scales"),
        }
        if settings.get("desc_act") or ".g_idx" in parts:
            sources["groups"] = needed(parts, ".g_idx")
        numbers = {
            "bits": bits,
            "group_size": size if size > 0 else inputs,
            "zero_offset": ZERO_OFFSETS[form],
            "is_symmetric": settings.get("sym") is True,
        }
        rest.append(matrix(f"{stem}.weight", (columns, inputs), f"GPTQ {bits} bit", "gptq", sources, **numbers))
    return tuple(rest)
