"""Every tensor of an adapter finds its place in the base, or is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.catalog.formats import peft
from engine.errors import CheckpointProblem
from tests.adapters import Weights, pair, random, write_adapter
from tests.tiny import write_checkpoint

Q = "model.layers.0.self_attn.q_proj"
K = "model.layers.1.self_attn.k_proj"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base two folders below the test's own, so that none of another test's is found."""
    return write_checkpoint(tmp_path / "two" / "below" / "base")


def problem_of(weights: Weights, base: Path, **changes: Any) -> CheckpointProblem:
    """Why the adapter cannot be merged into the base beside it."""
    with pytest.raises(CheckpointProblem) as raised:
        peft.tensors(write_adapter(base.parent / "adapter", weights, **changes))
    return raised.value


@pytest.mark.parametrize(
    "damage", ["missing A", "missing B", "twice", "no such module", "magnitude", "bias", "nothing"]
)
def test_tensors_that_lack_a_half_or_find_no_place_are_named(base: Path, damage: str) -> None:
    name, weights = f"base_model.model.{Q}", pair(Q, 64, 64)
    if damage.startswith("missing"):
        del weights[f"{name}.lora_{damage[-1]}.weight"]
    more = {
        "twice": pair(Q + ".lora_A.other", 1, 1) | {f"{name}.lora_A.other.weight": random(4, 64)},
        "no such module": pair("model.layers.7.self_attn.q_proj", 64, 64),
        "magnitude": {f"{name}.lora_magnitude_vector": random(64)},
        "bias": {f"{name}.lora_B.bias": random(64)},
    }
    weights = {} if damage == "nothing" else weights | more.get(damage, {})
    problem = problem_of(weights, base)
    assert problem.code == "tensors_do_not_fit"
    named = {"missing A": "missing lora_A", "missing B": "missing lora_B", "twice": "lora_A", "nothing": "none",
             "no such module": "layers.7", "magnitude": "lora_magnitude_vector", "bias": "lora_B.bias"}  # fmt: skip
    assert named[damage] in str(problem)


@pytest.mark.parametrize(
    ("weights", "changes"),
    [
        (pair(Q, 64, 60), {}),
        (pair(K, 64, 64), {}),
        (pair(Q, 64, 64, rank=3), {}),
        (pair(Q, 64, 64), {"r": 10**12}),
        (pair(Q, 64, 64), {"rank_pattern": {"q_proj": 5}}),
        (pair(Q, 64, 64) | {f"base_model.model.{Q}.lora_B.weight": random(64, 5)}, {}),
        (pair(Q, 64, 64) | {f"base_model.model.{Q}.lora_A.weight": random(256)}, {}),
        (pair(K, 32, 64) | {f"base_model.model.{K}.lora_magnitude_vector": random(64)}, {"use_dora": True}),
        ({"base_model.model.model.norm.weight": random(65)}, {}),
    ],
)
def test_shapes_that_belong_to_no_such_base_are_refused(base: Path, weights: Weights, changes: dict[str, Any]) -> None:
    problem = problem_of(weights, base, **changes)
    assert problem.code == "shape_mismatch"
    assert problem.hint
