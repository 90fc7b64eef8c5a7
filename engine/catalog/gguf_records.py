"""Where the tensors of a GGUF file lie, under Hugging Face's names; what the converter changed is marked or undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.catalog.encodings import BLOCKS
from engine.catalog.gguf_architectures import Architecture, architecture
from engine.catalog.gguf_header import Header, TensorEntry
from engine.catalog.gguf_names import ROPE_FACTORS, SHARED_GATE, parts
from engine.catalog.gguf_numbers import optional, wanted
from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem

MOST_PIECES = 4096
JOINED = "blk.{}.attn_qkv"


def records(header: Header) -> tuple[TensorRecord, ...]:
    """Every tensor under its Hugging Face name. Raises CheckpointProblem, `unknown_tensor` where one has none."""
    known = architecture(header)
    found = tuple(record for tensor in header.tensors for record in _placed(known, header, tensor))
    return found if known.joined is None else known.joined(found)


def _placed(known: Architecture, header: Header, tensor: TensorEntry) -> Iterator[TensorRecord]:
    """The records of one tensor: one, or several where Hugging Face keeps it in pieces."""
    pattern, layer, last = parts(tensor.name)
    if pattern not in known.names or last not in ("weight", "bias"):
        raise CheckpointProblem(
            f"the tensor {tensor.name[:80]!r} has no place in {known.class_name}",
            code="unknown_tensor",
            hint="It would be left out in silence, so the checkpoint is refused.",
        )
    if not known.names[pattern]:
        return
    name = known.names[pattern] if pattern == ROPE_FACTORS else f"{known.names[pattern]}.{last}"
    file, offset = header.place(tensor)
    record = TensorRecord(
        name=name if name.count("{}") > 1 else name.format(layer),
        shape=tensor.shape,
        encoding=tensor.encoding,
        file=file,
        offset=offset,
        nbytes=tensor.nbytes or 0,
        interleaved_heads=_paired_heads(known, header, pattern),
        added=1.0 if known.norms_include_one and name.endswith("norm.weight") else 0.0,
    )
    if name.count("{}") > 1:
        for number, piece in enumerate(_pieces(record, tensor.shape[0])):
            yield replace(piece, name=name.format(layer, number), shape=tensor.shape[1:])
    elif known.kind_by_kind and pattern == JOINED:
        queries = wanted(header, "attention.head_count")
        yield _group_by_group(record, queries, optional(header, "attention.head_count_kv") or queries)
    else:
        # The converter makes a vector of the one row that this gate is.
        is_vector = pattern == SHARED_GATE and len(tensor.shape) == 1
        yield replace(record, shape=(1, *tensor.shape)) if is_vector else record


def _group_by_group(record: TensorRecord, queries: int, groups: int) -> TensorRecord:
    """Rows that are all queries, all keys and all values, as queries, key and value of one group after the other.

    A group has the queries that share a key and a value. Raises CheckpointProblem where they cannot be shared out.
    """
    pieces = _pieces(record, queries + 2 * groups)
    if queries % groups:
        raise CheckpointProblem(f"{record.file.name}: {queries} heads in {groups} groups", code="config_invalid")
    shared, order = queries // groups, []
    for group in range(groups):
        order += [*range(group * shared, (group + 1) * shared), queries + group, queries + groups + group]
    return replace(record, parts=tuple(pieces[number] for number in order))


def _pieces(record: TensorRecord, count: int) -> list[TensorRecord]:
    """The tensor cut along its first dimension into equal pieces. Raises CheckpointProblem where that cannot be."""
    is_packed_row = len(record.shape) == 1 and BLOCKS.get(record.encoding, (1,))[0] > 1
    if not 0 < count <= MOST_PIECES or record.shape[0] % count or is_packed_row:
        raise CheckpointProblem(
            f"{record.file.name}: the tensor {record.name}, {record.shape}, cannot be cut into {count} pieces",
            code="config_invalid",
        )
    rows, nbytes = record.shape[0] // count, record.nbytes // count
    return [
        replace(record, shape=(rows, *record.shape[1:]), offset=record.offset + number * nbytes, nbytes=nbytes)
        for number in range(count)
    ]


def _paired_heads(known: Architecture, header: Header, pattern: str) -> int | None:
    key = known.paired.get(pattern)
    return None if key is None else optional(header, key) or wanted(header, "attention.head_count")
