"""A model is filled strictly: nothing missing, nothing left over, nothing of another shape."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from engine.errors import CheckpointProblem
from engine.letters import LoadPlan
from engine.loader import load_model
from tests.engine.models.test_llama import load, logits_of
from tests.tiny import CONFIG, tensors, write_checkpoint


def load_with(folder: Path, weights: dict[str, torch.Tensor]) -> list[float]:
    """Load the folder with other weights; the fractions that were reported."""
    write_checkpoint(folder)
    save_file(weights, folder / "model.safetensors")
    fractions: list[float] = []
    plan = LoadPlan("test", folder, "huggingface", precision="float32", device="cpu")
    load_model(plan, lambda stage, fraction: fractions.append(fraction) if stage == "reading weights" else None)
    return fractions


def test_progress_moves_with_the_bytes(tmp_path: Path) -> None:
    fractions = load_with(tmp_path, tensors(CONFIG))
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] == 1.0


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    weights = tensors(CONFIG)
    del weights["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(CheckpointProblem, match=r"1 missing \(model.layers.1.mlp.up_proj.weight\)"):
        load_with(tmp_path, weights)


def test_a_tensor_left_over_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointProblem, match=r"1 left over \(model.layers.0.extra.weight\)"):
        load_with(tmp_path, tensors(CONFIG) | {"model.layers.0.extra.weight": torch.zeros(3)})


def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    with pytest.raises(CheckpointProblem, match=r"model.norm.weight has the shape \(7,\).*\(64,\)"):
        load_with(tmp_path, tensors(CONFIG) | {"model.norm.weight": torch.ones(7)})


def test_buffers_that_are_recomputed_may_lie_in_the_file(tmp_path: Path) -> None:
    extra = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(8)}
    assert load_with(tmp_path, tensors(CONFIG) | extra)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("strange", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_said_in_every_precision(tmp_path: Path, precision: str, strange: float) -> None:
    weights = tensors(CONFIG)
    weights["model.layers.1.mlp.up_proj.weight"][3, 5] = strange
    write_checkpoint(tmp_path)
    save_file(weights, tmp_path / "model.safetensors")
    plan = LoadPlan("test", tmp_path, "huggingface", precision=precision, device="cpu")
    with pytest.raises(CheckpointProblem, match=r"model.layers.1.mlp.up_proj.weight has 1 numbers") as caught:
        load_model(plan, lambda stage, fraction: None)
    assert caught.value.code == "weights_not_finite"


def tied_files(folder: Path, **heads: torch.Tensor | None) -> list[int]:
    """A tied checkpoint with these tensors changed, or left out where None; ids that our engine's logits rank first."""
    write_checkpoint(folder, tie_word_embeddings=True)
    weights = tensors(CONFIG | {"tie_word_embeddings": True})
    for name, tensor in heads.items():
        weights[f"{name.replace('__', '.')}.weight"] = tensor
    save_file({name: tensor for name, tensor in weights.items() if tensor is not None}, folder / "model.safetensors")
    ours = logits_of(load(folder), list(range(3, 40)), [37])
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    expected = reference(torch.tensor([list(range(3, 40))])).logits[0, -1:].detach()
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
    return ours.topk(5).indices[0].tolist()


def embeddings() -> torch.Tensor:
    return tensors(CONFIG)["model.embed_tokens.weight"]


def test_an_output_layer_that_is_another_than_the_embeddings_is_not_tied_whatever_the_config_says(
    tmp_path: Path,
) -> None:
    tied = tied_files(tmp_path / "tied")
    assert tied_files(tmp_path / "twice", lm_head=embeddings()) == tied
    assert tied_files(tmp_path / "apart", lm_head=embeddings().flip(0)) != tied


def test_a_tied_model_may_be_stored_by_its_output_layer_alone(tmp_path: Path) -> None:
    assert tied_files(tmp_path / "head", lm_head=embeddings(), model__embed_tokens=None) == tied_files(
        tmp_path / "tied"
    )


def test_an_untied_model_without_an_output_layer_is_refused_with_what_may_be_meant(tmp_path: Path) -> None:
    weights = tensors(CONFIG)
    del weights["lm_head.weight"]
    with pytest.raises(CheckpointProblem, match=r"1 missing \(lm_head.weight\)") as refusal:
        load_with(tmp_path, weights)
    assert "tie_word_embeddings" in refusal.value.hint
