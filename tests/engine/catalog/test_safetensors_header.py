"""A safetensors header is checked before it is believed."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from engine.catalog.safetensors_header import records
from engine.errors import CheckpointProblem


def write(file: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return file


def entry(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_every_tensor_is_found_where_the_library_finds_it(tmp_path: Path) -> None:
    saved = {"a": torch.randn(2, 3), "b": torch.randn(4).to(torch.bfloat16), "c": torch.zeros(0, 2)}
    file = tmp_path / "x.safetensors"
    save_file(saved, file, metadata={"format": "pt"})
    found = {record.name: record for record in records(file)}
    with safe_open(file, framework="pt") as library:
        assert set(library.keys()) == found.keys()
    whole = file.read_bytes()
    for name, tensor in saved.items():
        record = found[name]
        assert record.shape == tuple(tensor.shape)
        kept = whole[record.offset : record.offset + record.nbytes]
        assert kept == tensor.view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("cut", [1, 100, 395])
def test_a_file_cut_short_says_how_much_is_missing(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(100)}, file)
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(CheckpointProblem, match=f"{size} bytes expected, {size - cut} there") as problem:
        records(file)
    assert problem.value.code == "file_truncated"


@pytest.mark.parametrize("content", [b"", b"\x10", b"\x00" * 8])
def test_a_file_that_is_hardly_there_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    with pytest.raises(CheckpointProblem):
        records(file)


@pytest.mark.parametrize(
    ("header", "word"),
    [
        (b"{", "JSON"),
        (b"[]", "object"),
        (b"[" * 100_000, "JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        ({"a": {"dtype": "F32"}}, "cannot be read"),
        ({"a": entry(0, 4, [1], dtype="F7")}, "cannot be read"),
        ({"a": entry(0, 4, [2])}, "claims bytes"),
        ({"a": entry(-4, 0, [1])}, "claims bytes"),
        ({"a": entry(0, 4, [-1])}, "claims bytes"),
        ({"a": entry(0, 4, [1] * 9)}, "claims bytes"),
        ({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, "overlaps"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: Any, word: str) -> None:
    with pytest.raises(CheckpointProblem, match=word) as problem:
        records(write(tmp_path / "x.safetensors", header, data=bytes(64)))
    assert problem.value.code == "unsafe_file"


@pytest.mark.parametrize("length", [2**63, 2**40, 1000])
def test_a_length_beyond_the_file_is_never_allocated(tmp_path: Path, length: int) -> None:
    with pytest.raises(CheckpointProblem) as problem:
        records(write(tmp_path / "x.safetensors", {}, length=length))
    assert problem.value.code == "file_truncated"
