"""Matrices that GGUF keeps apart, or turned round, and Hugging Face as one: how they are put together again.

The records come under the names that Hugging Face would give the parts; `engine.weights.unpack` has the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.catalog.info import TensorRecord
from engine.catalog.quantised.parts import matrix
from engine.errors import CheckpointProblem

Records = tuple[TensorRecord, ...]


def experts_in_turns(records: Iterable[TensorRecord]) -> Records:
    """gpt-oss: gates and ups in turns, experts as (experts, in, out), sinks and biases without a last part."""
    found, rest = _taken(records, (".gate_proj.weight", ".gate_proj.bias"))
    others = {record.name: record for record in rest}
    made = []
    for name, gate in found.items():
        stem, _, last = name.rpartition(".gate_proj.")
        up = _partner(others, f"{stem}.up_proj.{last}", gate, gate.shape)
        wide = 2 * gate.shape[1]
        shape = (gate.shape[0], wide) if last == "bias" else (gate.shape[0], gate.shape[2], wide)
        ending = "gate_up_proj_bias" if last == "bias" else "gate_up_proj"
        made.append(matrix(f"{stem}.{ending}", shape, gate.encoding, "in turns", {"gate": gate, "up": up}))
    for name, record in others.items():
        if name.endswith(".experts.down_proj.weight"):
            experts, out, inner = _rank_3(record)
            sources = {"matrix": record}
            made.append(matrix(name.removesuffix(".weight"), (experts, inner, out), record.encoding, "turned", sources))
        elif name.endswith(".experts.down_proj.bias"):
            made.append(replace(record, name=name.removesuffix(".bias") + "_bias"))
        else:
            made.append(
                replace(record, name=name.removesuffix(".weight")) if name.endswith(".sinks.weight") else record
            )
    return tuple(made)


def latent_pairs(records: Iterable[TensorRecord]) -> Records:
    """DeepSeek: what gives keys and values of each head out of the latent, keys turned round, as one matrix."""
    found, rest = _taken(records, (".k_b_proj.weight",))
    others = {record.name: record for record in rest}
    made = []
    for name, keys in found.items():
        stem = name.removesuffix(".k_b_proj.weight")
        heads, latent, width = _rank_3(keys)
        values = _partner(others, f"{stem}.v_b_proj.weight", keys, None)
        shape = (heads * (width + _rank_3(values)[1]), latent)
        made.append(
            matrix(f"{stem}.kv_b_proj.weight", shape, keys.encoding, "latent", {"keys": keys, "values": values})
        )
    correction = "e_score_correction.bias"
    return tuple(
        replace(each, name=each.name.removesuffix(".bias") + "_bias") if each.name.endswith(correction) else each
        for each in (*made, *others.values())
    )


def _taken(records: Iterable[TensorRecord], endings: tuple[str, ...]) -> tuple[dict[str, TensorRecord], Records]:
    all_of_them = tuple(records)
    found = {record.name: record for record in all_of_them if record.name.endswith(endings)}
    return found, tuple(record for record in all_of_them if record.name not in found)


def _partner(
    others: dict[str, TensorRecord], name: str, main: TensorRecord, shape: tuple[int, ...] | None
) -> TensorRecord:
    record = others.pop(name, None)
    if record is None or (shape is not None and record.shape != shape):
        raise CheckpointProblem(
            f"{main.file.name}: {main.name} lacks {name}, or they are of different shapes", code="tensors_do_not_fit"
        )
    return record


def _rank_3(record: TensorRecord) -> tuple[int, int, int]:
    if len(record.shape) != 3:
        raise CheckpointProblem(
            f"{record.file.name}: {record.name} must have three dimensions, not {record.shape}", code="shape_mismatch"
        )
    return record.shape
