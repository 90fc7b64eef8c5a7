"""What is still being written is said to be so, and judged again when the writer has fallen silent."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.catalog import unfinished
from engine.catalog.info import CheckpointInfo, Problem
from engine.catalog.scan import Scanner
from tests.gguf_files import write_tiny_llama
from tests.tiny import write_checkpoint


def problem(scanner: Scanner) -> str | None:
    (info,) = scanner.listing.checkpoints
    return info.problem and info.problem.code


def test_a_file_that_grows_is_being_written_and_then_there(tmp_path: Path) -> None:
    whole = write_tiny_llama(tmp_path / "elsewhere.gguf").read_bytes()
    root = tmp_path / "checkpoints"
    root.mkdir()
    scanner = Scanner(root)
    for length in (len(whole) // 2, len(whole) - 1):
        (root / "model.gguf").write_bytes(whole[:length])
        scanner.scan()
        assert problem(scanner) == "being_written"
    (root / "model.gguf").write_bytes(whole)
    scanner.scan()
    assert problem(scanner) is None


def test_a_writer_that_has_died_leaves_a_truncated_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_checkpoint(tmp_path / "model")
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.truncate(5000)
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert problem(scanner) == "being_written"
    now = time.time()
    monkeypatch.setattr(unfinished.time, "time", lambda: now + unfinished.SECONDS_OF_PATIENCE + 1)
    assert [info.id for info in scanner.scan().changed] == ["model"]
    assert problem(scanner) == "file_truncated"


def test_weights_whose_tokenizer_is_not_there_yet_are_being_written(tmp_path: Path) -> None:
    (write_checkpoint(tmp_path / "model") / "tokenizer.json").unlink()
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert problem(scanner) == "being_written"


@pytest.mark.parametrize("name", ["tmp-checkpoint-500", "checkpoint-500-tmp", "model.incomplete"])
def test_a_whole_checkpoint_with_a_provisional_name_is_not_offered(tmp_path: Path, name: str) -> None:
    folder = write_checkpoint(tmp_path / name)
    scanner = Scanner(tmp_path)
    scanner.scan()
    assert problem(scanner) == "being_written"
    for file in folder.iterdir():
        os.utime(file, (1, 1))
    scanner.scan()
    assert problem(scanner) == "left_unfinished"


def test_a_problem_of_another_kind_is_no_sign_of_writing() -> None:
    info = CheckpointInfo(
        "m", Path("m"), "m", "huggingface", modified_at=time.time(), problem=Problem("unknown_architecture", "rwkv")
    )
    assert unfinished.judged(info) == info
