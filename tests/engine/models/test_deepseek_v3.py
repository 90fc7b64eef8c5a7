"""DeepSeek-V3 checkpoints with layers that predict tokens beyond the next one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointProblem
from tests.engine.models.cases import CASES
from tests.engine.models.references import build, edit_config, load
from tests.engine.models.test_llama import logits_of

IDS = list(b"Happy families are all alike")


def write_with_a_layer_beyond(folder: Path) -> torch.Tensor:
    """The reference's logits for IDS, and in the folder its weights with a third layer that it does not have."""
    reference = build(CASES["deepseek_v3"], folder)
    weights = load_file(folder / "model.safetensors")
    beyond = {"model.layers.2.eh_proj.weight": torch.ones(4, 8), "model.layers.2.enorm.weight": torch.ones(8)}
    save_file(weights | beyond, folder / "model.safetensors")
    with torch.inference_mode():
        return reference(torch.tensor([IDS])).logits[0, -1]


def test_layers_beyond_the_last_are_left_out(tmp_path: Path) -> None:
    expected = write_with_a_layer_beyond(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(edit_config(tmp_path, num_nextn_predict_layers=1)))
    assert (logits_of(load(tmp_path), IDS, [len(IDS)])[0] - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_layers_that_the_configuration_does_not_know_are_named(tmp_path: Path) -> None:
    write_with_a_layer_beyond(tmp_path)
    (tmp_path / "config.json").write_text(
        json.dumps(edit_config(tmp_path, num_nextn_predict_layers=0, num_mtp_layers=0))
    )
    with pytest.raises(CheckpointProblem, match=r"2 left over \(model.layers.2.eh_proj.weight"):
        load(tmp_path)
