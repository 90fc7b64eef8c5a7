"""A tensor of a torch file -> the record of where its numbers lie. Refuses those that reach beyond their storage."""

from __future__ import annotations

from collections.abc import Mapping

from engine.catalog.info import TensorRecord
from engine.catalog.torch_pickle import ITEM_BYTES, StoredTensor
from engine.catalog.torch_zip import Archive
from engine.errors import CheckpointProblem


def records(archive: Archive, tensors: Mapping[str, StoredTensor]) -> tuple[TensorRecord, ...]:
    """One record for each tensor, under the same name. Raises CheckpointProblem, `unsafe_file`, where one lies."""
    places = archive.places({f"data/{tensor.storage.key}" for tensor in tensors.values()})
    return tuple(
        _record(archive, name, tensor, *places[f"data/{tensor.storage.key}"]) for name, tensor in tensors.items()
    )


def _record(archive: Archive, name: str, tensor: StoredTensor, start: int, nbytes: int) -> TensorRecord:
    size = ITEM_BYTES[tensor.encoding]
    stored_size = ITEM_BYTES[tensor.storage.encoding] if tensor.storage.encoding else 1
    if tensor.storage.count * stored_size != nbytes:
        raise _lying(archive, name, f"its storage claims {tensor.storage.count} numbers and has {nbytes} bytes")
    # More numbers than the storage has are legal in torch (expanded tensors) and would fill the memory here.
    if tensor.count * size > nbytes or (tensor.offset + tensor.span) * size > nbytes:
        raise _lying(archive, name, f"the shape {list(tensor.shape)} reaches beyond its storage")
    return TensorRecord(
        name=name,
        shape=tensor.shape,
        encoding=tensor.encoding,
        file=archive.path,
        offset=start + tensor.offset * size,
        nbytes=tensor.span * size,
        strides=None if tensor.is_contiguous else tensor.strides,
    )


def _lying(archive: Archive, name: str, why: str) -> CheckpointProblem:
    return CheckpointProblem(
        f"{archive.path.name} is not a sound torch file: the tensor {name[:80]}: {why}",
        code="unsafe_file",
        hint="Do not load files like this from people you do not trust; save the checkpoint again.",
    )
