"""mini-deepseek computes what its own code computes, though its files hold no settings of the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine.catalog.formats import claiming, torch_file
from engine.catalog.info import CheckpointInfo
from tests import deepseek_writer
from tests.engine.catalog.formats.references import load
from tests.engine.models.test_llama import logits_of
from tests.torch_writers import write_tokenizer

IDS = list(b"It was the best of times")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    return tmp_path / "final.pt"


def describe(file: Path) -> CheckpointInfo:
    assert claiming(file) is torch_file
    return torch_file.describe(file, f"run/{file.name}")


@pytest.mark.parametrize("reinforced", [False, True], ids=["pretraining", "reinforcement"])
def test_it_computes_what_its_code_computes(file: Path, reinforced: bool) -> None:
    weights = deepseek_writer.write(file, reinforced=reinforced)
    expected = deepseek_writer.logits(weights, IDS)
    ours = logits_of(load(file), IDS, [10, 13, 1])
    assert (ours - expected[[9, 22, 23]]).abs().max() <= 1e-4 * expected.abs().max()


def test_it_is_described_with_what_was_inferred(file: Path) -> None:
    deepseek_writer.write(file, reinforced=True)
    info = describe(file)
    assert (info.family, info.step, info.group, info.loss.kind) == ("mini_deepseek", 10, "RL", "reward")
    assert "width 128" in info.evidence["num_attention_heads"]
    assert "reinforcement" in info.chat_template["source"]


def test_settings_beside_the_file_are_believed_before_what_is_known(file: Path) -> None:
    weights = deepseek_writer.write(file)
    file.with_suffix(".json").write_text(json.dumps({"num_experts_per_tok": 2}))
    expected = deepseek_writer.logits(weights, IDS, chosen=2)
    assert (logits_of(load(file), IDS, [len(IDS)])[-1] - expected[-1]).abs().max() <= 1e-4 * expected.abs().max()


def test_heads_that_do_not_make_the_rows_there_are_refused(file: Path) -> None:
    deepseek_writer.write(file)
    file.with_suffix(".json").write_text(json.dumps({"num_attention_heads": 3}))
    assert "3 heads" in describe(file).problem.message


def test_a_tensor_of_a_fork_is_refused_by_name(file: Path) -> None:
    torch.save(deepseek_writer.weights_of() | {"layers.0.attention.q_norm.weight": torch.ones(48)}, file)
    assert "q_norm" in describe(file).problem.message
