"""The tensors of a packed matrix put together by the endings of their names, and numbers read from settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.catalog.info import Packed, TensorRecord
from engine.errors import CheckpointProblem


def grouped(
    found: Sequence[TensorRecord], main: str, endings: Iterable[str]
) -> tuple[dict[str, dict[str, TensorRecord]], list[TensorRecord]]:
    """The parts of each matrix by its name and their endings, and the tensors that belong to none.

    A name is a matrix when there is a tensor of that name with the ending `main`.
    """
    stems = {record.name.removesuffix(main): {main: record} for record in found if record.name.endswith(main)}
    rest = []
    for record in found:
        if record.name.endswith(main):
            continue
        ending = next((each for each in endings if record.name.endswith(each)), None)
        stem = None if ending is None else record.name.removesuffix(ending)
        if stem in stems:
            stems[stem][ending] = record
        else:
            rest.append(record)
    return stems, rest


def needed(parts: Mapping[str, TensorRecord], ending: str) -> TensorRecord:
    """A part by the ending of its name. Raises CheckpointProblem when the matrix lacks it."""
    if ending in parts:
        return parts[ending]
    main = next(iter(parts.values()))
    raise CheckpointProblem(
        f"{main.name} has no {ending.lstrip('._')} beside it",
        code="tensors_do_not_fit",
        hint="A file of the checkpoint is missing, or quantization_config names another method than packed it.",
    )


def matrix(
    name: str, shape: tuple[int, ...], label: str, scheme: str, sources: Mapping[str, TensorRecord], /, **numbers: Any
) -> TensorRecord:
    """The record of a matrix that is made from others; `label` is what the list calls its numbers."""
    main = next(iter(sources.values()))
    total = sum(source.nbytes for source in sources.values())
    packed = Packed(scheme, sources, numbers)
    return TensorRecord(name, shape, label, main.file, main.offset, total, packed=packed)


def whole(settings: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A whole number of the settings. Raises CheckpointProblem when it is something else."""
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise CheckpointProblem(
            f"quantization_config: {key} must be a whole number, not {str(value)[:40]}", code="config_invalid"
        )
    return value


def rank(record: TensorRecord, wanted: int) -> tuple[int, ...]:
    """The shape of a tensor of so many dimensions. Raises CheckpointProblem for another."""
    if len(record.shape) != wanted:
        raise CheckpointProblem(
            f"the tensor {record.name} has the shape {record.shape}, but {wanted} dimensions were expected",
            code="shape_mismatch",
        )
    return record.shape


def unsupported(what: str) -> CheckpointProblem:
    """The problem of a variant that is known and not unpacked."""
    return CheckpointProblem(
        f"quantization_config asks for {what[:120]}, which is not unpacked here",
        code="quantisation_not_supported",
        hint="Save the model dequantised, for instance with its own tool's dequantize function.",
    )
