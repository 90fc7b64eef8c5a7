"""Writes safetensors, one tensor at a time: the header first, then the numbers, in files of a bounded size.

The format: eight bytes with the header's length, a header of JSON, the tensors' bytes one after the other
(https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import torch
from torch import Tensor

LARGEST_SHARD = 4 * 2**30
DTYPE_NAMES: Mapping[torch.dtype, str] = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


class Planned(Protocol):
    """What will be written."""

    name: str
    shape: tuple[int, ...]


Shard = list[tuple[str, tuple[int, ...]]]


def shards_of(planned: Sequence[Planned], dtype: torch.dtype) -> list[Shard]:
    """Which tensors go into which file, in their order."""
    shards: list[Shard] = [[]]
    filled = 0
    for each in planned:
        size = math.prod(each.shape) * dtype.itemsize
        if shards[-1] and filled + size > LARGEST_SHARD:
            shards.append([])
            filled = 0
        shards[-1].append((each.name, each.shape))
        filled += size
    return shards


class ShardWriter:
    """Writes the tensors of these shards, which have to come in that order; `written` counts bytes of weights."""

    def __init__(self, folder: Path, shards: list[Shard], dtype: torch.dtype) -> None:
        self._folder = folder
        self._shards = shards
        self._dtype = dtype
        self._expected = [(index, *entry) for index, shard in enumerate(shards) for entry in shard]
        self._next = 0
        self._stream: IO[bytes] | None = None
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if kind is None:
            if self._next != len(self._expected):
                raise ValueError(f"{self._expected[self._next][1]} was never written")
            self._write_index()

    def write(self, name: str, tensor: Tensor) -> None:
        """The next tensor. Raises ValueError for one that was not planned to come now."""
        shard, planned, shape = self._expected[self._next]
        if (name, tuple(tensor.shape)) != (planned, shape):
            raise ValueError(f"{name} {tuple(tensor.shape)} came in place of {planned} {shape}")
        if self._next == 0 or self._expected[self._next - 1][0] != shard:
            self._open(shard)
        data = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
        self._stream.write(memoryview(data))
        self.written += data.nbytes
        self._next += 1

    def _name(self, shard: int) -> str:
        count = len(self._shards)
        return "model.safetensors" if count == 1 else f"model-{shard + 1:05d}-of-{count:05d}.safetensors"

    def _open(self, shard: int) -> None:
        self._close()
        header: dict[str, object] = {"__metadata__": {"format": "pt"}}
        end = 0
        for name, shape in self._shards[shard]:
            begin, end = end, end + math.prod(shape) * self._dtype.itemsize
            header[name] = {"dtype": DTYPE_NAMES[self._dtype], "shape": list(shape), "data_offsets": [begin, end]}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self._stream = (self._folder / self._name(shard)).open("wb")
        self._stream.write(len(text).to_bytes(8, "little") + text)

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write_index(self) -> None:
        if len(self._shards) == 1:
            return
        weight_map = {name: self._name(index) for index, shard in enumerate(self._shards) for name, _ in shard}
        index = {"metadata": {"total_size": self.written}, "weight_map": weight_map}
        (self._folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
