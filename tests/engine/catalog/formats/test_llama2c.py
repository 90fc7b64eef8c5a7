"""llama2.c's exports are known by their first numbers and compute what the reference computes."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import torch

from engine.catalog.formats import claiming, llama2c
from engine.catalog.info import CheckpointInfo
from tests import torch_writers
from tests.engine.catalog.formats.references import assert_same_logits, llama, load
from tests.torch_writers import CONTEXT, KV_HEADS, LAYERS, ROWS, WIDTH, write_tokenizer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    return tmp_path / "model.bin"


def describe(file: Path) -> CheckpointInfo:
    assert claiming(file) is llama2c
    return llama2c.describe(file, f"stories/{file.name}")


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("version", [0, 1])
def test_an_export_computes_what_the_reference_computes(file: Path, version: int, tied: bool) -> None:
    weights = torch_writers.write_llama2c_export(file, version, tied=tied)
    assert_same_logits(file, llama(weights))


def test_an_export_is_described(file: Path) -> None:
    weights = torch_writers.write_llama2c_export(file, 0)
    info = describe(file)
    assert (info.problem, info.family, info.dtype) == (None, "llama", "F32")
    assert info.parameters == sum(tensor.numel() for tensor in weights.values())
    assert (info.context_length, info.vocab_size) == (CONTEXT, ROWS)
    assert info.kv_bytes_per_token == 2 * 4 * LAYERS * KV_HEADS * WIDTH // 4
    assert info.evidence["layout"] == "llama2.c, version 0"


def test_an_export_that_is_cut_short_is_listed_as_such(file: Path) -> None:
    torch_writers.write_llama2c_export(file, 1)
    file.write_bytes(file.read_bytes()[:-4])
    assert describe(file).problem.code == "file_truncated"


def test_packed_numbers_are_refused_with_the_remedy(file: Path) -> None:
    file.write_bytes(struct.pack("<Ii", 0x616B3432, 2) + bytes(1000))
    problem = describe(file).problem
    assert problem.code == "quantisation_not_supported"
    assert "--version 1" in problem.hint


@pytest.mark.parametrize("numbers", [(0,) * 7, (-1,) * 7, (64, 176, 2, 3, 2, 320, 96), (1 << 30,) * 7])
def test_impossible_numbers_are_refused(file: Path, numbers: tuple[int, ...]) -> None:
    file.write_bytes(struct.pack("<Ii7i", 0x616B3432, 1, *numbers) + bytes(1000))
    assert describe(file).problem.code == "unsafe_file"


@pytest.mark.parametrize(
    "content", [b"", bytes(100), b"some text that is no model at all, but long enough for seven numbers"]
)
def test_other_files_are_not_taken_for_exports(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.bin").write_bytes(content)
    assert claiming(tmp_path / "data.bin") is None


def test_a_version_0_file_of_another_size_is_no_export(file: Path) -> None:
    torch_writers.write_llama2c_export(file, 0)
    file.write_bytes(file.read_bytes() + b"1234")
    assert claiming(file) is None


def test_the_tokenizer_of_llama2c_is_used(tmp_path: Path) -> None:
    pieces = ["<unk>", "\n<s>\n", "\n</s>\n", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += [" ", "t", "h", "e", "th", "the", " the"]
    pieces += [f"x{index}" for index in range(ROWS - len(pieces))]
    torch_writers.write_pieces(tmp_path / "tokenizer.bin", pieces)
    torch_writers.write_llama2c_export(tmp_path / "model.bin", 1)
    info = describe(tmp_path / "model.bin")
    assert info.tokenizer == {"kind": "bpe", "source": "tokenizer.bin"}
    tokenizer = load(tmp_path / "model.bin").tokenizer
    assert tokenizer.encode("the the") == [1, pieces.index(" the"), pieces.index(" the")]
    assert tokenizer.decode([pieces.index(" the"), 3 + ord("!")]) == "the!"
    assert tokenizer.stop_ids == {1, 2}


def test_a_tokenizer_of_another_size_is_passed_over(tmp_path: Path) -> None:
    torch_writers.write_pieces(tmp_path / "tokenizer.bin", ["<unk>", "<s>", "</s>"])
    torch_writers.write_llama2c_export(tmp_path / "model.bin", 1)
    assert describe(tmp_path / "model.bin").problem.code == "tokenizer_not_found"


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.bin").write_bytes(bytes(100) + b"\xff" * 30)
    torch_writers.write_llama2c_export(tmp_path / "model.bin", 1)
    problem = describe(tmp_path / "model.bin").problem
    assert problem.code == "tokenizer_broken"
    assert "tokenizer.bin" in problem.message


def test_the_same_numbers_are_read_whatever_the_version(tmp_path: Path) -> None:
    for version in (0, 1):
        torch_writers.write_llama2c_export(tmp_path / f"{version}.bin", version)
    write_tokenizer(tmp_path)
    first, second = (load(tmp_path / f"{version}.bin").model.state_dict() for version in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
