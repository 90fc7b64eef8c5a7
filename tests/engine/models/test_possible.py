"""Sizes that no model can have are refused in a sentence, not by torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import CheckpointProblem
from engine.models.possible import divided, refuse_impossible, turned_channels
from engine.models.registry import family
from tests.engine.models.test_llama import load
from tests.tiny import CONFIG, write_checkpoint


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"head_dim": 15}, "15 of the 15 channels"),
        ({"head_dim": None, "hidden_size": 60, "num_attention_heads": 8}, "cannot be divided"),
        ({"partial_rotary_factor": 0.05, "model_type": "phi3"}, "0 of the 16 channels"),
        ({"partial_rotary_factor": 1.5, "model_type": "phi3"}, "24 of the 16 channels"),
        ({"num_hidden_layers": 10**12}, "num_hidden_layers"),
    ],
)
def test_a_family_refuses_impossible_sizes(changes: dict[str, Any], said: str) -> None:
    config = CONFIG | changes
    with pytest.raises(CheckpointProblem, match=said) as refusal:
        chosen = family(config)
        numbers = chosen.Config.from_json(config)
        numbers.rope.frequencies(numbers.head_dim)
    assert refusal.value.code == "config_invalid"


def test_an_odd_width_of_heads_is_refused_before_it_is_computed(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", head_dim=15)
    with pytest.raises(CheckpointProblem, match="no pairs"):
        load(folder)


def test_what_is_possible_passes() -> None:
    refuse_impossible(CONFIG)
    refuse_impossible({"num_experts": 0, "head_dim": None})
    assert (divided(64, 4), turned_channels(80, 0.4)) == (16, 32)
