"""A whole step in one call gives what the layers give one by one, and only models that are plain take it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.letters import LoadPlan
from engine.loader import Loaded, load_model
from engine.runner import Runner
from engine.scheduler import Span
from tests.engine.models.test_llama import LLAMA3, sequence
from tests.tiny import write_checkpoint

# All widths fill blocks of 32, so that every matrix is packed.
WHOLE = {"hidden_size": 64, "intermediate_size": 96, "head_dim": 16, "num_attention_heads": 4}
VARIANTS: dict[str, dict[str, Any]] = {
    "grouped": {},
    "a-key-value-head-each": {"num_key_value_heads": 4},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "tied": {"tie_word_embeddings": True},
    "wide-heads": {"head_dim": 32},
    "scaled": {"rope_scaling": LLAMA3, "rope_theta": 500000.0},
}


def load(folder: Path, precision: str = "int8") -> Loaded:
    plan = LoadPlan("test", folder, "huggingface", precision=precision, device="cpu", max_running=4)
    loaded = load_model(plan, lambda stage, fraction: None)
    if precision == "int8" and loaded.kernels is None:
        pytest.skip("no kernels on this machine")
    return loaded


def answers(loaded: Loaded, *, whole: bool) -> torch.Tensor:
    """Logits of three sequences of different lengths, ten steps long, (10, 3, vocab_size)."""
    if not whole:
        loaded.model.steps = None
    runner = Runner(loaded.model, loaded.cache, loaded.device, loaded.kernels)
    known = [sequence(list(range(5 + index, 15 + 40 * index)), slot=index) for index in range(3)]
    for each in known:
        runner.run([Span(each, 0, each.length)])
    rows = []
    for step in range(10):
        for each in known:
            each.output_ids.append(20 + step)
        rows.append(runner.run([Span(each, each.length - 1, 1) for each in known]))
    return torch.stack(rows)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_whole_step_equals_the_layers_one_by_one(tmp_path: Path, variant: dict[str, Any]) -> None:
    folder = write_checkpoint(tmp_path / "model", **WHOLE | variant)
    whole, by_layer = load(folder), load(folder)
    assert whole.model.steps is not None
    torch.testing.assert_close(answers(whole, whole=True), answers(by_layer, whole=False), rtol=1e-3, atol=1e-3)


def test_a_model_in_float32_goes_layer_by_layer(tmp_path: Path) -> None:
    assert load(write_checkpoint(tmp_path / "model"), "float32").model.steps is None


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "mistral", "sliding_window": 16},
        {"model_type": "qwen3"},
        {"hidden_act": "gelu"},
        {"intermediate_size": 100},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}},
    ],
    ids=["window", "normed-queries", "another-activation", "not-packed", "half-turned"],
)
def test_a_model_that_is_not_plain_goes_layer_by_layer(tmp_path: Path, change: dict[str, Any]) -> None:
    normed = {"qk_norm": True} if change.get("model_type") == "qwen3" else {}
    folder = write_checkpoint(tmp_path / "model", **WHOLE | change, **normed)
    assert load(folder).model.steps is None
