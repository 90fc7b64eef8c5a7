"""What GGUF files do not say outright, and what they say that is not computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from engine.catalog.formats import gguf
from engine.errors import CheckpointProblem
from tests.gguf_files import HEADS, HIDDEN, WIDTH, write_tiny_llama

NORM = numpy.ones(HIDDEN, numpy.float32)


def config(
    path: Path, arch: str, *, layers: int = 1, weights: dict[str, numpy.ndarray] | None = None, **changes: Any
) -> dict[str, Any]:
    values = {
        "context_length": 256,
        "embedding_length": HIDDEN,
        "block_count": layers,
        "feed_forward_length": 96,
        "attention.head_count": HEADS,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "attention.layer_norm_epsilon": 1e-5,
    }
    values |= {key.replace("__", "."): value for key, value in changes.items()}
    stored = {f"blk.{layer}.attn_norm.weight": NORM for layer in range(layers)}
    numbers = {f"{arch}.{key}": value for key, value in values.items()}
    return gguf.config(write_tiny_llama(path / "a.gguf", arch=arch, values=numbers, weights=stored | (weights or {})))


@pytest.mark.parametrize(("arch", "layers"), [("gemma2", 46), ("gemma3", 62)])
def test_only_the_largest_gemma_scales_scores_by_another_width(tmp_path: Path, arch: str, layers: int) -> None:
    numbers = {"attention__sliding_window": 8, "attention__key_length": 32}
    assert config(tmp_path, arch, layers=2, **numbers)["query_pre_attn_scalar"] == 32
    assert config(tmp_path, arch, layers=layers, **numbers)["query_pre_attn_scalar"] == HIDDEN / HEADS


def test_a_window_of_no_tokens_is_none(tmp_path: Path) -> None:
    assert config(tmp_path, "phi3", attention__sliding_window=0)["sliding_window"] is None
    assert config(tmp_path, "phi3", attention__sliding_window=8)["sliding_window"] == 8


def test_granite_without_a_scale_has_the_usual_one(tmp_path: Path) -> None:
    assert config(tmp_path, "granite")["attention_multiplier"] == WIDTH**-0.5


def test_stablelm_with_a_second_norm_goes_one_after_the_other(tmp_path: Path) -> None:
    assert config(tmp_path, "stablelm", use_parallel_residual=True)["use_parallel_residual"]
    second = {"blk.0.ffn_norm.weight": NORM}
    assert not config(tmp_path, "stablelm", weights=second, use_parallel_residual=True)["use_parallel_residual"]


def test_llama_with_experts_is_mixtral(tmp_path: Path) -> None:
    found = config(tmp_path, "llama", expert_count=8, expert_used_count=2)
    assert (found["model_type"], found["num_local_experts"], found["num_experts_per_tok"]) == ("mixtral", 8, 2)


@pytest.mark.parametrize(
    ("arch", "changes"),
    [
        ("olmo2", {"attention__sliding_window": 4096}),
        ("gemma3", {"attention__sliding_window": 8, "final_logit_softcapping": 30.0}),
        ("qwen3", {"attention__key_length": 32, "attention__value_length": 16}),
    ],
)
def test_what_is_not_computed_is_refused(tmp_path: Path, arch: str, changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointProblem) as refusal:
        config(tmp_path, arch, **changes)
    assert refusal.value.code == "unknown_architecture"


def test_divisors_of_the_frequencies_must_be_a_short_row(tmp_path: Path) -> None:
    factors = {f"rope_factors_{kind}.weight": numpy.ones((2, 32), numpy.float32) for kind in ("short", "long")}
    with pytest.raises(CheckpointProblem, match="rope_factors_short"):
        config(tmp_path, "phi3", weights=factors)
