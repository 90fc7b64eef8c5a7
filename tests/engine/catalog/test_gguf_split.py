"""A model in several GGUF files is one checkpoint, computes what it computes in one, and names the part it lacks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from engine.catalog.formats import claiming, gguf
from engine.catalog.scan import Scanner
from engine.errors import CheckpointProblem
from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from tests.engine.models.test_llama import logits_of
from tests.gguf_files import write_tiny_llama

IDS = [5, 9, 120, 60, 61, 7, 8, 8, 30]


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return write_tiny_llama(tmp_path / "tiny.gguf", tensors_per_part=8)


def load(file: Path) -> Loaded:
    plan = LoadPlan("test", file, "gguf", precision="float32", device="cpu", max_running=1)
    return load_model(plan, lambda stage, fraction: None)


@torch.inference_mode()
def test_parts_compute_what_the_whole_computes(first: Path, tmp_path: Path) -> None:
    whole = write_tiny_llama(tmp_path / "whole.gguf")
    assert len(list(tmp_path.glob("tiny-0000?-of-00003.gguf"))) == 3
    assert torch.equal(logits_of(load(first), IDS, [len(IDS)]), logits_of(load(whole), IDS, [len(IDS)]))


def test_parts_are_listed_once_with_all_that_they_are(first: Path, tmp_path: Path) -> None:
    whole = gguf.describe(write_tiny_llama(tmp_path / "whole.gguf"), "whole")
    info = gguf.describe(first, "tiny")
    assert info.problem is None
    assert (info.parameters, info.weights_bytes) == (whole.parameters, whole.weights_bytes)
    assert info.files == tuple(f"tiny-0000{number}-of-00003.gguf" for number in (1, 2, 3))
    assert info.size_bytes == sum((tmp_path / name).stat().st_size for name in info.files)
    assert [claiming(tmp_path / name) for name in info.files] == [gguf, None, None]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_part_that_is_missing_is_named(first: Path, tmp_path: Path, number: int) -> None:
    gone = tmp_path / f"tiny-0000{number}-of-00003.gguf"
    gone.unlink()
    left = min(tmp_path.glob("*.gguf"))
    assert gguf.matches(left)
    found = gguf.describe(left, "tiny").problem
    assert found is not None
    assert (found.code, gone.name in found.message) == ("shard_missing", True)
    with pytest.raises(CheckpointProblem, match=gone.name):
        gguf.tensors(left)


def test_a_part_of_another_model_is_refused(first: Path, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "tiny-00003-of-00003.gguf", tmp_path / "tiny-00002-of-00003.gguf")
    with pytest.raises(CheckpointProblem, match="does not say that it is part 2 of 3"):
        gguf.tensors(first)


def test_a_part_that_is_cut_short_is_said(first: Path, tmp_path: Path) -> None:
    last = tmp_path / "tiny-00003-of-00003.gguf"
    last.write_bytes(last.read_bytes()[:-40])
    with pytest.raises(CheckpointProblem) as caught:
        gguf.tensors(first)
    assert (caught.value.code, last.name in caught.value.message) == ("file_truncated", True)


def test_the_list_notices_the_part_that_comes_last(first: Path, tmp_path: Path) -> None:
    last, aside = tmp_path / "tiny-00003-of-00003.gguf", tmp_path / "aside.tmp"
    last.rename(aside)
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert [info.problem is None for info in scanner.listing.checkpoints if info.name.startswith("tiny")] == [False]
    aside.rename(last)
    scanner.scan()
    assert [info.problem for info in scanner.listing.checkpoints] == [None]
