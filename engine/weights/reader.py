"""Tensor records -> tensors. Bytes are read from where the header said, and become numbers here."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from engine.catalog.info import LowRank, TensorRecord
from engine.errors import CheckpointProblem
from engine.weights.dequantise import dequantise
from engine.weights.unpack import unpack

DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
# What is only ever a source of something else.
RAW: dict[str, torch.dtype] = {
    "I64": torch.int64,
    "I32": torch.int32,
    "I8": torch.int8,
    "U8": torch.uint8,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E8M0": torch.float8_e8m0fnu,
}


def read(records: Sequence[TensorRecord]) -> Iterator[tuple[TensorRecord, Tensor]]:
    """Each record with its tensor, in the order of the files so that disks read ahead.

    A plain tensor lies in the file's pages until it is converted: copy it before the iterator goes on. Raises
    CheckpointProblem when a file has become shorter than its header says.
    """
    by_place = sorted(records, key=lambda record: (record.file, record.offset))
    with ExitStack() as opened:
        maps: dict[Path, mmap.mmap] = {}

        def plain(record: TensorRecord) -> Tensor:
            if record.packed is not None:
                sources = {part: plain(source) for part, source in record.packed.sources.items()}
                return unpack(record.packed.scheme, sources, record.packed.numbers, record.shape)
            if record.file not in maps:
                maps[record.file] = _map(record.file, opened)
            if record.parts:
                joined = torch.cat([plain(part) for part in record.parts], dim=record.axis)
                return joined if record.interleaved_heads is None else halves(joined, record.interleaved_heads)
            return _tensor(record, maps[record.file])

        for record in by_place:
            yield record, plain(record) if record.adapter is None else _adapted(plain(record), record.adapter, plain)
            for mapped in maps.values():
                _give_back(mapped)


def _map(file: Path, opened: ExitStack) -> mmap.mmap:
    with file.open("rb") as stream:
        # A private writable map: torch warns of read-only buffers, and nothing written to it reaches the file.
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
    opened.callback(_close, mapped)
    return mapped


def _give_back(mapped: mmap.mmap) -> None:
    """Let go of the pages that were read: they stay in the system's cache, and no longer count as this process's."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _close(mapped: mmap.mmap) -> None:
    try:
        mapped.close()
    except BufferError:
        # A tensor still looks at the pages; they go with it.
        return


def _tensor(record: TensorRecord, mapped: mmap.mmap) -> Tensor:
    if record.offset + record.nbytes > len(mapped):
        raise CheckpointProblem(
            f"{record.file.name} ends before the tensor {record.name}: "
            f"{record.offset + record.nbytes} bytes expected, {len(mapped)} there",
            code="file_truncated",
            hint="Copy or save the checkpoint again; it may still be being written.",
        )
    if record.nbytes == 0:
        return torch.zeros(record.shape)
    dtype = DTYPES.get(record.encoding) or RAW.get(record.encoding)
    if dtype is not None:
        tensor = torch.frombuffer(mapped, dtype=dtype, count=record.nbytes // dtype.itemsize, offset=record.offset)
        tensor = (
            tensor.view(record.shape) if record.strides is None else tensor.as_strided(record.shape, record.strides)
        )
    else:
        data = torch.frombuffer(mapped, dtype=torch.uint8, count=record.nbytes, offset=record.offset)
        tensor = dequantise(data, record.encoding, record.shape)
    if record.added:
        tensor = tensor - record.added
    return tensor if record.interleaved_heads is None else halves(tensor, record.interleaved_heads)


def _adapted(tensor: Tensor, adapter: LowRank, plain: Callable[[TensorRecord], Tensor]) -> Tensor:
    """The tensor with what the adapter adds to it, in float32, lying as it lay."""
    added = plain(adapter.up).float() @ plain(adapter.down).float()  # (out, in)
    merged = (tensor.t() if adapter.is_turned else tensor).float() + adapter.scale * added
    if adapter.magnitude is not None:
        lengths = torch.linalg.vector_norm(merged, dim=1)  # (out,)
        merged = merged * (plain(adapter.magnitude).float().flatten() / lengths)[:, None]
    return merged.t() if adapter.is_turned else merged


def halves(tensor: Tensor, heads: int) -> Tensor:
    """Rows stored pair by pair, (2j, 2j + 1), put back half by half: (j, j + head_dim / 2)."""
    rest = tensor.shape[1:]
    return tensor.reshape(heads, -1, 2, *rest).transpose(1, 2).reshape(tensor.shape)
