"""What adapter_config.json may not say is refused by name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from engine.catalog.adapter_settings import read
from engine.catalog.formats import peft
from engine.errors import CheckpointProblem
from tests.adapters import Weights, pair, write_adapter
from tests.tiny import write_checkpoint

Q = "model.layers.0.self_attn.q_proj"


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
    ("changes", "named"),
    [
        ({"lora_alpha": math.nan}, "lora_alpha"),
        ({"lora_alpha": "many"}, "lora_alpha"),
        ({"alpha_pattern": {"q_proj": math.inf}}, "alpha_pattern"),
        ({"alpha_pattern": {"(a+)+$": 1}}, "alpha_pattern"),
        ({"alpha_pattern": {".*a" * 17: 1}}, "alpha_pattern"),
        ({"rank_pattern": [4]}, "rank_pattern"),
        ({"r": 0}, "r must be"),
        ({"r": -4}, "r must be"),
        ({"r": 10**400}, "r must be"),
        ({"r": True}, "r must be"),
        ({"use_dora": "yes"}, "use_dora"),
        ({"base_model_name_or_path": "a/" * 1000}, "base_model_name_or_path"),
        ({"base_model_name_or_path": ["base"]}, "base_model_name_or_path"),
    ],
)
def test_impossible_settings_are_refused_by_name(base: Path, changes: dict[str, Any], named: str) -> None:
    problem = problem_of(pair(Q, 64, 64), base, **changes)
    assert problem.code == "config_invalid"
    assert named in str(problem)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "PREFIX_TUNING"),
        ({"peft_type": "IA3"}, "IA3"),
        ({"peft_type": ...}, "None"),
        ({"target_parameters": ["experts.down_proj"]}, "target_parameters"),
        ({"layer_replication": [[0, 2], [0, 2]]}, "layer_replication"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4"),
    ],
)
def test_other_methods_are_refused_by_name_with_a_remedy(base: Path, changes: dict[str, Any], named: str) -> None:
    problem = problem_of(pair(Q, 64, 64), base, **changes)
    assert problem.code == "adapter_not_supported"
    assert named in str(problem)
    assert "merge" in problem.hint


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("q_proj", True),
        ("_proj", False),
        ("self_attn.q_proj", True),
        (r"layers\.\d+\.self_attn.q_proj", True),
        (r"layers\.1\d\.self_attn\.q_proj$", False),
        (r".*\.0\..*q_proj", True),
        (".*0.*attn.*proj", True),
        (".*1.*attn.*proj", False),
        ("^model.layers.0.self_attn.q_proj", True),
        ("^layers.0.self_attn.q_proj", False),
        ("self_attn.*", True),
        ("layers.0", False),
    ],
)
def test_patterns_fit_from_one_of_a_names_parts_to_its_end(tmp_path: Path, pattern: str, fits: bool) -> None:
    settings = read(write_adapter(tmp_path / "adapter", {}, alpha_pattern={pattern: 20}))
    assert settings.scale_of(Q, 4) == (20 if fits else 6) / 4
    assert settings.scale_of("lm_head", 4) == 6 / 4


def test_a_pattern_made_to_take_long_does_not(tmp_path: Path) -> None:
    settings = read(write_adapter(tmp_path / "adapter", {}, alpha_pattern={".*a" * 12 + ".*b": 20}))
    assert settings.scale_of("a" * 900, 4) == 6 / 4
