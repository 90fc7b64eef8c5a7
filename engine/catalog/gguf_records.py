"""Where the tensors of a GGUF file lie, under Hugging Face's names; what the converter changed is marked or undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.catalog.gguf_architectures import Architecture, architecture
from engine.catalog.gguf_header import Header, TensorEntry
from engine.catalog.gguf_names import ROPE_FACTORS, parts
from engine.catalog.gguf_numbers import optional, wanted
from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem

MOST_PIECES = 4096


def records(header: Header) -> tuple[TensorRecord, ...]:
    """Every tensor under its Hugging Face name. Raises CheckpointProblem, `unknown_tensor` where one has none."""
    known = architecture(header)
    return tuple(record for tensor in header.tensors for record in _placed(known, header, tensor))


def _placed(known: Architecture, header: Header, tensor: TensorEntry) -> Iterator[TensorRecord]:
    """The records of one tensor: one, or several where Hugging Face keeps it in pieces."""
    pattern, layer, last = parts(tensor.name)
    if pattern not in known.names or last not in ("weight", "bias"):
        raise CheckpointProblem(
            f"the tensor {tensor.name[:80]!r} has no place in {known.class_name}",
            code="unknown_tensor",
            hint="It would be left out in silence, so the checkpoint is refused.",
        )
    name = known.names[pattern] if pattern == ROPE_FACTORS else f"{known.names[pattern]}.{last}"
    record = TensorRecord(
        name=name if name.count("{}") > 1 else name.format(layer),
        shape=tensor.shape,
        encoding=tensor.encoding,
        file=header.path,
        offset=header.data_start + tensor.offset,
        nbytes=tensor.nbytes or 0,
        interleaved_heads=_paired_heads(known, header, pattern),
    )
    if name.count("{}") > 1:
        for number, piece in enumerate(_pieces(record, _count(record))):
            yield replace(piece, name=name.format(layer, number), shape=tensor.shape[1:])
    else:
        yield record


def _count(record: TensorRecord) -> int:
    if len(record.shape) < 2 or record.shape[0] > MOST_PIECES:
        raise CheckpointProblem(
            f"{record.file.name} joins tensors into one of the shape {record.shape}, which cannot be taken apart",
            code="config_invalid",
        )
    return record.shape[0]


def _pieces(record: TensorRecord, count: int) -> list[TensorRecord]:
    """The tensor cut along its first dimension into equal pieces."""
    rows, nbytes = record.shape[0] // count, record.nbytes // count
    return [
        replace(record, shape=(rows, *record.shape[1:]), offset=record.offset + number * nbytes, nbytes=nbytes)
        for number in range(count)
    ]


def _paired_heads(known: Architecture, header: Header, pattern: str) -> int | None:
    key = known.paired.get(pattern)
    return None if key is None else optional(header, key) or wanted(header, "attention.head_count")
