"""What a converter joined, turned round or left out is told to the reader of the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from engine.catalog.formats import gguf
from engine.catalog.info import TensorRecord
from engine.errors import CheckpointProblem
from tests.gguf_files import write_tiny_llama

HEADS, WIDTH, HIDDEN = 2, 4, 8


def records(path: Path, arch: str, *, values: dict[str, Any] | None = None, **weights: Any) -> dict[str, TensorRecord]:
    arrays = {f"{name.replace('__', '.')}.weight": array for name, array in weights.items()}
    file = write_tiny_llama(path / "tiny.gguf", arch=arch, values=values, weights=arrays, encoding="F32")
    return {record.name: record for record in gguf.tensors(file)}


def stored(record: TensorRecord) -> numpy.ndarray:
    data = record.file.read_bytes()[record.offset : record.offset + record.nbytes]
    return numpy.frombuffer(data, numpy.float32).reshape(record.shape)


def test_each_expert_is_found_in_the_tensor_that_joins_them(tmp_path: Path) -> None:
    experts = numpy.arange(3 * 2 * 4, dtype=numpy.float32).reshape(3, 2, 4)
    found = records(tmp_path, "qwen3moe", blk__1__ffn_up_exps=experts)
    assert list(found) == [f"model.layers.1.mlp.experts.{number}.up_proj.weight" for number in range(3)]
    for record, expert in zip(found.values(), experts, strict=True):
        assert (stored(record) == expert).all()


def test_the_gate_of_a_shared_expert_is_a_matrix_of_one_row(tmp_path: Path) -> None:
    found = records(tmp_path, "qwen2moe", blk__0__ffn_gate_inp_shexp=numpy.ones(HIDDEN, numpy.float32))
    assert found["model.layers.0.mlp.shared_expert_gate.weight"].shape == (1, HIDDEN)


def test_gpt_neox_has_its_projections_head_by_head_again(tmp_path: Path) -> None:
    rows = 3 * HEADS * WIDTH
    joined = numpy.repeat(numpy.arange(rows, dtype=numpy.float32), HIDDEN).reshape(rows, HIDDEN)
    values = {"gptneox.attention.head_count": HEADS}
    (record,) = records(tmp_path, "gptneox", values=values, blk__0__attn_qkv=joined).values()
    assert [stored(part)[0, 0] for part in record.parts] == [0, 8, 16, 4, 12, 20]
    assert {part.shape for part in record.parts} == {(WIDTH, HIDDEN)}
    assert record.shape == (rows, HIDDEN)


def test_norms_that_were_written_with_one_more_are_marked(tmp_path: Path) -> None:
    norm, matrix = numpy.ones(HIDDEN, numpy.float32), numpy.ones((2, HIDDEN), numpy.float32)
    weights = {"blk__0__attn_norm": norm, "blk__0__attn_q_norm": norm, "blk__0__ffn_up": matrix, "output_norm": norm}
    found = records(tmp_path, "gemma3", **weights)
    assert {name: record.added for name, record in found.items()} == {
        "model.layers.0.input_layernorm.weight": 1.0,
        "model.layers.0.self_attn.q_norm.weight": 1.0,
        "model.layers.0.mlp.up_proj.weight": 0.0,
        "model.norm.weight": 1.0,
    }


@pytest.mark.parametrize(
    ("arch", "name", "shape"),
    [
        ("qwen3moe", "blk__0__ffn_up_exps", (4097, 1, 1)),
        ("gptneox", "blk__0__attn_qkv", (3 * HEADS * WIDTH + 1, HIDDEN)),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(tmp_path: Path, arch: str, name: str, shape: tuple[int, ...]) -> None:
    values = {f"{arch}.attention.head_count": HEADS}
    with pytest.raises(CheckpointProblem, match="cannot be cut") as refusal:
        records(tmp_path, arch, values=values, **{name: numpy.ones(shape, numpy.float32)})
    assert refusal.value.code == "config_invalid"
