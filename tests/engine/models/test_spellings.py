"""What old names mean: the list's context and cache size are those the loaded model has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.catalog.formats import huggingface
from engine.models import registry
from engine.models.spellings import common_spelling, usable_context
from tests.engine.models.cases import CASES
from tests.engine.models.references import build, edit_config


@pytest.mark.parametrize("name", CASES, ids=lambda name: name.replace(" ", "-"))
def test_the_list_says_what_the_model_takes(name: str, tmp_path: Path) -> None:
    build(CASES[name], tmp_path)
    listed = huggingface.describe(tmp_path, "run/model")
    written = edit_config(tmp_path)
    config = registry.family(written).Config.from_json(written)
    assert listed.problem is None
    assert listed.context_length == config.max_position_embeddings
    assert listed.kv_bytes_per_token == 8 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim


def test_the_common_name_wins_where_both_are_there() -> None:
    assert common_spelling({"model_type": "gpt2", "n_embd": 3, "hidden_size": 5})["hidden_size"] == 5


@pytest.mark.parametrize("config", [{}, {"model_type": 3}, {"max_position_embeddings": "many"}])
def test_a_config_that_does_not_say_its_context_has_none(config: dict[str, Any]) -> None:
    assert usable_context(config) is None
