"""Tensors are places in the archive; what is beside them is plain values; nothing that could do harm is believed."""

from __future__ import annotations

import argparse
import collections
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from engine.catalog import torch_pickle
from engine.catalog.recorded import Recorded
from engine.catalog.torch_pickle import StoredTensor, read_bare, scalar
from engine.catalog.torch_zip import Archive, open_archive
from engine.errors import CheckpointProblem
from tests.torch_files import Calling, dumped, pickled, storage, tensor, write_archive


def saved(tmp_path: Path, value: Any, protocol: int = 2) -> tuple[Archive, Any]:
    torch.save(value, tmp_path / "x.pt", pickle_protocol=protocol)
    archive = open_archive(tmp_path / "x.pt")
    return archive, torch_pickle.read(archive)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_are_views_of_storages(tmp_path: Path, protocol: int) -> None:
    matrix = torch.arange(12.0).view(3, 4)
    value = {"a": matrix, "turned": matrix.t(), "row": matrix[1], "b": torch.nn.Parameter(torch.zeros(2))}
    _, found = saved(tmp_path, value, protocol)
    assert (found["a"].shape, found["a"].strides, found["a"].is_contiguous) == ((3, 4), (4, 1), True)
    assert (found["turned"].strides, found["turned"].is_contiguous, found["turned"].span) == ((1, 4), False, 12)
    assert (found["row"].offset, found["row"].storage) == (4, found["a"].storage)
    assert (found["b"].shape, found["b"].encoding) == ((2,), "F32")


@pytest.mark.parametrize(
    ("dtype", "encoding"),
    [
        (torch.float64, "F64"),
        (torch.float16, "F16"),
        (torch.bfloat16, "BF16"),
        (torch.int64, "I64"),
        (torch.uint8, "U8"),
        (torch.bool, "BOOL"),
        (torch.float8_e4m3fn, "F8_E4M3"),
        (torch.uint16, "U16"),
    ],
    ids=str,
)
def test_every_kind_of_number_has_its_name(tmp_path: Path, dtype: torch.dtype, encoding: str) -> None:
    _, found = saved(tmp_path, [torch.zeros(3).to(dtype)])
    assert (found[0].encoding, found[0].count) == (encoding, 3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64], ids=str)
def test_a_single_number_is_read_from_its_storage(tmp_path: Path, dtype: torch.dtype) -> None:
    archive, found = saved(tmp_path, [torch.tensor([1, 2, 3]).to(dtype)[1], torch.zeros(2)])
    assert scalar(archive, found[0]) == 2
    assert scalar(archive, found[1]) is None


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_training_scripts_keep_beside_the_weights_is_readable(tmp_path: Path, protocol: int) -> None:
    value = {
        "args": argparse.Namespace(out=Path("a/b")),
        "loss": numpy.float32(2.5),
        "step": numpy.int64(7),
        "counts": collections.defaultdict(int, a=1),
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda:1"),
        "kinds": {"x", "y"},
        "raw": b"\xff\0",
    }
    _, found = saved(tmp_path, value, protocol)
    assert found["args"].state == {"out": "a/b"}
    assert (found["loss"], found["step"], found["size"]) == (2.5, 7, (2, 3))
    assert (found["counts"], found["kinds"], found["raw"]) == ({"a": 1}, {"x", "y"}, b"\xff\0")
    assert found["device"] == "cuda:1"


def test_tensors_that_are_not_dense_stay_unmade(tmp_path: Path) -> None:
    _, found = saved(tmp_path, [torch.eye(2).to_sparse(), torch.zeros(2, dtype=torch.complex64)])
    assert [type(each) for each in found] == [Recorded, Recorded]


class Net(torch.nn.Module):
    """Code of somebody's own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(2, 3)


def test_a_whole_module_is_its_recorded_parameters(tmp_path: Path) -> None:
    _, found = saved(tmp_path, Net())
    inner = found.state["_modules"]["inner"]
    assert str(found.kind).endswith("test_torch_pickle.Net")
    assert inner.state["_parameters"]["weight"].shape == (3, 2)


@pytest.mark.parametrize("function", [os.system, eval, exec, __import__, os.unlink], ids=lambda each: each.__name__)
def test_a_file_that_would_do_harm_elsewhere_is_refused_by_name(tmp_path: Path, function: Any) -> None:
    data = dumped({"model": {}, "extra": Calling(function, str(tmp_path / "x.pt"))})
    archive = open_archive(write_archive(tmp_path / "x.pt", data))
    with pytest.raises(CheckpointProblem, match=function.__name__) as problem:
        torch_pickle.read(archive)
    assert problem.value.code == "unsafe_file"
    assert (tmp_path / "x.pt").exists()


LIES = {
    "negative strides": tensor((4,), (-1,)),
    "a negative size": tensor((-4,), (1,)),
    "a negative offset": tensor(offset=-1),
    "more sizes than strides": tensor((2, 2), (1,)),
    "a huge size": tensor((1 << 63,), (1,)),
    "too many dimensions": tensor((1,) * 9, (1,) * 9),
    "a negative storage": tensor(source=storage(count=-1)),
    "no storage": tensor(source=b"N"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=[name.replace(" ", "-") for name in LIES])
def test_impossible_tensors_are_refused(tmp_path: Path, lie: bytes) -> None:
    archive = open_archive(write_archive(tmp_path / "x.pt", pickled(lie), {"0": bytes(16)}))
    with pytest.raises(CheckpointProblem) as problem:
        torch_pickle.read(archive)
    assert problem.value.code == "unsafe_file"


def test_a_bare_pickle_cannot_point_anywhere() -> None:
    assert read_bare(dumped({"stoi": {"a": 0}, "itos": {0: "a"}})) == {"stoi": {"a": 0}, "itos": {0: "a"}}
    with pytest.raises(CheckpointProblem, match="outside"):
        read_bare(pickled(tensor()))


def test_a_tensor_says_what_it_spans() -> None:
    nothing = StoredTensor(torch_pickle.Storage("0", 4, "F32"), "F32", 0, (0, 4), (4, 1))
    assert (nothing.count, nothing.span, nothing.is_contiguous) == (0, 0, True)
