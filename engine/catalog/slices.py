"""Some rows of a tensor's record as a record of their own; only arithmetic on places, nothing is read."""

from __future__ import annotations

import math
from dataclasses import replace

from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem


def rows_of(record: TensorRecord, first: int, count: int) -> TensorRecord:
    """Rows `first` to `first + count` of a tensor. Raises CheckpointProblem where it does not have so many."""
    if not record.shape or first < 0 or count < 1 or first + count > record.shape[0]:
        raise CheckpointProblem(
            f"{record.name} has the shape {list(record.shape)} and no rows {first} to {first + count}",
            code="tensors_do_not_fit",
            hint="The settings beside the weights belong to another model.",
        )
    shape = (count, *record.shape[1:])
    if record.parts:
        parts = _parts_of(record, first, count)
        return replace(record, shape=shape, nbytes=sum(part.nbytes for part in parts), parts=parts)
    size = _item_bytes(record)
    if record.strides is None:
        row = math.prod(record.shape[1:]) * size
        return replace(record, shape=shape, offset=record.offset + first * row, nbytes=count * row)
    span = 1 + sum((length - 1) * stride for length, stride in zip(shape, record.strides, strict=True))
    return replace(
        record, shape=shape, offset=record.offset + first * record.strides[0] * size, nbytes=max(span, 0) * size
    )


def _parts_of(record: TensorRecord, first: int, count: int) -> tuple[TensorRecord, ...]:
    if record.axis != 0:
        return tuple(rows_of(part, first, count) for part in record.parts)
    found: list[TensorRecord] = []
    place = 0
    for part in record.parts:
        begin, end = max(first, place), min(first + count, place + part.shape[0])
        if begin < end:
            found.append(rows_of(part, begin - place, end - begin))
        place += part.shape[0]
    return tuple(found)


def _item_bytes(record: TensorRecord) -> int:
    """Bytes of one number; what is stored without strides tells it by its length."""
    if record.strides is None:
        return record.nbytes // max(math.prod(record.shape), 1)
    span = 1 + sum((length - 1) * stride for length, stride in zip(record.shape, record.strides, strict=True))
    return record.nbytes // max(span, 1)
