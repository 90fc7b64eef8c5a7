"""GPT-2 checkpoints as they lie about: without the prefix, with masks among the weights, with products turned round."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import CheckpointProblem
from tests.engine.models.cases import CASES
from tests.engine.models.references import build, edit_config, load
from tests.engine.models.test_llama import logits_of

IDS = list(b"So we beat on, boats against the current")
Weights = dict[str, Tensor]


def with_weights(folder: Path, change: Callable[[Weights], Weights]) -> tuple[Tensor, Path]:
    """The reference's logits for IDS, and the folder after its weights were changed."""
    reference = build(CASES["gpt2"], folder)
    with torch.inference_mode():
        expected = reference(torch.tensor([IDS])).logits[0, -1]
    weights = change(load_file(folder / "model.safetensors"))
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")
    return expected, folder


def assert_equal(folder: Path, expected: Tensor) -> None:
    assert (logits_of(load(folder), IDS, [len(IDS)])[0] - expected).abs().max() <= 1e-4 * expected.abs().max()


def without_prefix(weights: Weights) -> Weights:
    plain = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
    masks = {f"h.{layer}.attn.bias": torch.ones(1, 1, 256, 256) for layer in range(2)}
    return plain | masks | {"h.0.attn.masked_bias": torch.tensor(-1e4)}


def turned_round(weights: Weights) -> Weights:
    return {name: tensor.t() if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")) else tensor
            for name, tensor in weights.items()}  # fmt: skip


def test_names_without_the_prefix_and_stored_masks_are_known(tmp_path: Path) -> None:
    expected, folder = with_weights(tmp_path, without_prefix)
    assert_equal(folder, expected)


def test_weights_that_lie_out_in_are_taken_as_they_are(tmp_path: Path) -> None:
    expected, folder = with_weights(tmp_path, turned_round)
    (folder / "config.json").write_text(json.dumps(edit_config(folder, weights_in_out=False)))
    assert_equal(folder, expected)


def test_products_turned_round_without_being_told_are_refused(tmp_path: Path) -> None:
    _, folder = with_weights(tmp_path, turned_round)
    with pytest.raises(CheckpointProblem, match="implies"):
        load(folder)


def test_a_model_without_biases_equals_one_whose_biases_are_zero(tmp_path: Path) -> None:
    def zeroed(weights: Weights) -> Weights:
        return {name: tensor.zero_() if name.endswith(".bias") else tensor for name, tensor in weights.items()}

    def left_out(weights: Weights) -> Weights:
        return {name: tensor for name, tensor in weights.items() if not name.endswith(".bias")}

    _, folder = with_weights(tmp_path / "zero", zeroed)
    expected = logits_of(load(folder), IDS, [len(IDS)])[0]
    _, folder = with_weights(tmp_path / "none", left_out)
    (folder / "config.json").write_text(json.dumps(edit_config(folder, bias=False)))
    assert_equal(folder, expected)


def test_a_tensor_under_both_of_its_names_is_refused(tmp_path: Path) -> None:
    _, folder = with_weights(tmp_path, lambda weights: weights | {"ln_f.bias": torch.zeros(32)})
    with pytest.raises(CheckpointProblem, match=r"1 left over \(model.norm.bias\)"):
        load(folder)
