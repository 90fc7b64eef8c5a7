"""The list counts what loading reads, and says what is left out."""

from __future__ import annotations

from pathlib import Path

from engine.catalog.formats import torch_file
from tests import deepseek_writer, torch_writers


def test_heads_that_are_left_out_are_not_counted_and_said(tmp_path: Path) -> None:
    torch_writers.write_tokenizer(tmp_path)
    weights = deepseek_writer.write(tmp_path / "final.pt")
    own = {name: value for name, value in weights.items() if not name.startswith(("mtp_head.", "lm_head."))}
    info = torch_file.describe(tmp_path / "final.pt", "final.pt")
    assert info.parameters == sum(value.numel() for value in own.values())
    assert info.weights_bytes == sum(value.nbytes for value in own.values())
    assert info.evidence["parameters"] == (
        "those that are loaded; 4 tensors more are left out: it predicts tokens further on than the next"
    )


def test_biases_that_a_layout_leaves_out_are_no_parameters(tmp_path: Path) -> None:
    torch_writers.write_tokenizer(tmp_path)
    weights = torch_writers.write_nanogpt(tmp_path / "ckpt.pt")
    info = torch_file.describe(tmp_path / "ckpt.pt", "ckpt.pt")
    distinct = {value.data_ptr(): value.numel() for value in weights.values()}
    assert info.parameters == sum(distinct.values())
