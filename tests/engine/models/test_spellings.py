"""What old names mean: the list's context and cache size are those the loaded model has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.catalog.formats import huggingface
from engine.models import registry
from engine.models.spellings import common_spelling, usable_context
from tests.engine.models.cases import CASES, LONG, YARN
from tests.engine.models.references import build, config_of, edit_config


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


EARLIER: list[tuple[str, dict[str, Any]]] = [
    ("llama with yarn", {"rope_theta": 10000.0, "rope_scaling": {**YARN, "type": "yarn", "rope_type": None}}),
    ("gpt2", {"max_position_embeddings": None, "n_positions": None, "n_ctx": 256}),
    ("gpt_neox", {"rotary_pct": 0.25, "rotary_emb_base": 10000}),
    ("phi", {"partial_rotary_factor": 0.5}),
    ("stablelm", {"rope_pct": 0.25, "rope_theta": 10000}),
    ("gemma3", {"rope_theta": 1_000_000.0, "rope_local_base_freq": 10_000.0, "layer_types": None}),
    ("olmo3 with yarn", {"rope_theta": 500_000.0, "rope_scaling": YARN, "layer_types": None}),
    ("phi3 with long rope", {"rope_theta": 10000.0, "partial_rotary_factor": 0.75, "rope_scaling": LONG}),
    ("smollm3", {"rope_theta": 2_000_000.0, "no_rope_layers": None, "layer_types": None}),
    ("glm4", {"partial_rotary_factor": 0.5}),
    ("falcon in groups", {"num_attention_heads": None, "num_hidden_layers": None, "n_head": 4, "n_layer": 2}),
    ("bloom", {"num_hidden_layers": None, "num_attention_heads": None, "hidden_size": None, "n_embed": 48}),
    ("deepseek_v3 with yarn", {"rope_scaling": YARN | {"mscale": 0.8, "mscale_all_dim": 1.2}, "rope_theta": 10000.0}),
]


@pytest.mark.parametrize(("name", "earlier"), EARLIER, ids=lambda value: value if isinstance(value, str) else "")
def test_earlier_spellings_say_the_same(name: str, earlier: dict[str, Any]) -> None:
    written = config_of(CASES[name])
    old = {key: value for key, value in (written | {"rope_parameters": None} | earlier).items() if value is not None}
    family = registry.family(written)
    assert old != written
    assert family.Config.from_json(old) == family.Config.from_json(written)
