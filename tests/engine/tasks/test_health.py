"""A look through the weights finds what is wrong with them and says where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.catalog.formats import claiming
from engine.catalog.opening import described, opened
from engine.tasks.health import Health, as_json, check
from tests.gguf_files import write_tiny_llama
from tests.tiny import write_checkpoint

Weights = dict[str, torch.Tensor]
DOWN = "model.layers.1.mlp.down_proj.weight"


def looked_through(path: Path) -> Health:
    info = described(claiming(path), path, path.name, path.parent)
    return check(info, opened(info), lambda *_: None)


def spoiled(tmp_path: Path, change: Callable[[Weights], None], **config: object) -> Health:
    folder = write_checkpoint(tmp_path / "model", **config)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")
    return looked_through(folder)


def codes(health: Health) -> list[tuple[str, str]]:
    return [(each.level, each.code) for each in health.findings]


def test_a_sound_checkpoint_has_no_findings_and_its_true_numbers(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    health = looked_through(folder)
    assert health.findings == ()
    weights = load_file(folder / "model.safetensors")
    found = {each.name: each for each in health.tensors}
    assert found.keys() == weights.keys()
    assert found[DOWN].rms == pytest.approx(float(weights[DOWN].square().mean().sqrt()))
    assert found[DOWN].largest == pytest.approx(float(weights[DOWN].abs().max()))


def test_numbers_that_are_none_are_counted_and_placed(tmp_path: Path) -> None:
    def change(weights: Weights) -> None:
        weights[DOWN][3, 5] = float("nan")
        weights[DOWN][0, :2] = float("inf")

    health = spoiled(tmp_path, change)
    assert codes(health) == [("error", "not_finite")]
    assert health.findings[0].message == f"1 numbers that are NaN and 2 that are infinite, in {DOWN}"
    json.dumps(as_json(health), allow_nan=False)


def test_a_matrix_of_zeros_is_a_warning(tmp_path: Path) -> None:
    health = spoiled(tmp_path, lambda weights: weights[DOWN].zero_())
    assert codes(health) == [("warning", "all_zero")]


def test_a_layer_unlike_the_others_is_a_warning(tmp_path: Path) -> None:
    health = spoiled(tmp_path, lambda weights: weights[DOWN].mul_(1000), num_hidden_layers=4)
    assert codes(health) == [("warning", "odd_layer")]
    assert DOWN in health.findings[0].message


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    def change(weights: Weights) -> None:
        weights["model.layers.0.self_attn.mystery.weight"] = weights.pop(DOWN)

    health = spoiled(tmp_path, change)
    assert codes(health) == [("error", "tensors_do_not_fit")]
    assert "mystery" in health.findings[0].message
    assert DOWN in health.findings[0].message


def test_a_tokenizer_with_more_tokens_than_rows_is_an_error(tmp_path: Path) -> None:
    health = looked_through(write_checkpoint(tmp_path / "model", vocab_size=200))
    assert ("error", "vocabulary_too_large") in codes(health)


def test_rows_without_a_token_are_a_note(tmp_path: Path) -> None:
    health = looked_through(write_checkpoint(tmp_path / "model", vocab_size=320))
    assert codes(health) == [("note", "rows_unused")]


def test_number_formats_are_told_where_there_are_several(tmp_path: Path) -> None:
    health = looked_through(write_tiny_llama(tmp_path / "tiny.gguf", encoding="Q4_1"))
    assert ("note", "mixed_types") in codes(health)


def test_an_output_that_is_tied_and_stored_is_a_note(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text()) | {"tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(config))
    assert ("note", "tied_twice") in codes(looked_through(folder))
