"""Bytes become the tensors that were saved, and a file that shrank is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.catalog.info import LowRank, TensorRecord
from engine.catalog.safetensors_header import records
from engine.errors import CheckpointProblem
from engine.weights.reader import halves, read


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_plain_tensors_come_back_as_they_were_saved(tmp_path: Path, dtype: torch.dtype) -> None:
    saved = {"a": torch.randn(3, 5).to(dtype), "empty": torch.empty(0, 4, dtype=dtype), "b": torch.randn(7).to(dtype)}
    save_file(saved, tmp_path / "x.safetensors")
    found = {record.name: tensor.clone() for record, tensor in read(records(tmp_path / "x.safetensors"))}
    assert found.keys() == saved.keys()
    for name, tensor in saved.items():
        assert torch.equal(found[name], tensor)


def test_nothing_written_to_a_tensor_reaches_the_file(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(4)}, file)
    before = file.read_bytes()
    for _, tensor in read(records(file)):
        tensor.fill_(1.0)
    assert file.read_bytes() == before


def plain(name: str, shape: tuple[int, ...], file: Path, offset: int, count: int, **more: Any) -> TensorRecord:
    return TensorRecord(name, shape, "F32", file, offset * 4, count * 4, **more)


def only(record: TensorRecord) -> torch.Tensor:
    return next(tensor.clone() for _, tensor in read([record]))


def test_numbers_that_lie_in_another_order_are_put_in_the_order_of_the_shape(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    file.write_bytes(torch.arange(24.0).numpy().tobytes())
    turned = only(plain("turned", (3, 4), file, 6, 12, strides=(1, 3)))
    assert torch.equal(turned, torch.arange(6.0, 18.0).view(4, 3).t())
    every_second = only(plain("thinned", (2, 3), file, 0, 11, strides=(6, 2)))
    assert every_second.tolist() == [[0, 2, 4], [6, 8, 10]]


def test_parts_are_put_one_below_the_other(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    file.write_bytes(torch.arange(24.0).numpy().tobytes())
    parts = (plain("b", (2, 3), file, 12, 6), plain("a", (1, 3), file, 0, 3))
    whole = plain("whole", (3, 3), file, 12, 9, parts=parts)
    assert only(whole).tolist() == [[12, 13, 14], [15, 16, 17], [0, 1, 2]]


def test_a_record_of_no_bytes_is_zero(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    file.write_bytes(bytes(4))
    assert torch.equal(only(plain("bias", (5,), file, 0, 0)), torch.zeros(5))


def test_a_file_that_became_shorter_is_an_error_that_names_the_tensor(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"weight": torch.zeros(1000)}, file)
    found = records(file)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(CheckpointProblem, match="weight") as problem:
        list(read(found))
    assert problem.value.code == "file_truncated"


def test_pairs_of_rows_are_put_back_into_halves() -> None:
    stored = torch.tensor([[0], [10], [1], [11], [100], [110], [101], [111]])
    assert halves(stored, heads=2)[:, 0].tolist() == [0, 1, 10, 11, 100, 101, 110, 111]
    assert halves(stored[:, 0], heads=2).tolist() == [0, 1, 10, 11, 100, 101, 110, 111]


@pytest.mark.parametrize("is_turned", [False, True])
def test_what_an_adapter_adds_is_added_in_float32_from_other_files(tmp_path: Path, is_turned: bool) -> None:
    matrix, down, up = torch.randn(3, 4).half(), torch.randn(2, 4).bfloat16(), torch.randn(3, 2).half()
    lengths = torch.tensor([1.0, 2.0, 3.0])
    save_file({"m": (matrix.t() if is_turned else matrix).contiguous()}, tmp_path / "base.safetensors")
    save_file({"down": down, "up": up, "lengths": lengths}, tmp_path / "adapter.safetensors")
    of = {record.name: record for record in records(tmp_path / "adapter.safetensors")}
    (base,) = records(tmp_path / "base.safetensors")
    expected = matrix.float() + 0.75 * (up.float() @ down.float())

    def adapted(magnitude: TensorRecord | None) -> torch.Tensor:
        found = only(replace(base, adapter=LowRank(of["down"], of["up"], 0.75, is_turned, magnitude)))
        return found.t() if is_turned else found

    assert torch.equal(adapted(None), expected)
    assert torch.allclose(adapted(of["lengths"]).norm(dim=1), lengths)
    assert torch.allclose(torch.cosine_similarity(adapted(of["lengths"]), expected), torch.ones(3))
