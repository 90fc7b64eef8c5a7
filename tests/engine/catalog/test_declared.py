"""Settings are found wherever training scripts leave them, and each remembers where it was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.catalog.declared import Declared, declared, fields
from engine.catalog.recorded import Global, Recorded
from engine.errors import CheckpointProblem


def test_the_file_comes_before_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"n_head": 8, "rope_theta": 5.0}))
    found = declared(tmp_path / "final.pt", {"model_args": {"n_head": 4}})
    assert (found.whole("num_attention_heads"), found.number("rope_theta")) == (4, 5.0)
    assert found.evidence == {
        "num_attention_heads": "the file's 'model_args': n_head",
        "rope_theta": "config.json: rope_theta",
    }


def test_a_file_of_the_same_name_comes_before_config_json_and_the_folder_above(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "params.json").write_text(json.dumps({"n_heads": 2, "norm_eps": 0.5}))
    (folder / "config.json").write_text(json.dumps({"n_heads": 3}))
    (folder / "final.json").write_text(json.dumps({"n_heads": 4}))
    found = declared(folder / "final.pt", {})
    assert (found.whole("num_attention_heads"), found.number("rms_norm_eps")) == (4, 0.5)
    assert found.evidence["rms_norm_eps"] == "../params.json: norm_eps"


@pytest.mark.parametrize("value", [True, 0, -4, "4", 4.0, None, [4], {"n": 4}])
def test_values_of_another_kind_are_no_answer(value: Any) -> None:
    assert Declared([("x", {"num_attention_heads": value})]).whole("num_attention_heads") is None


def test_settings_inside_settings_are_seen_first() -> None:
    found = declared(Path("nowhere/final.pt"), {"config": {"n_head": 1, "model": {"n_head": 4}}})
    assert found.whole("num_attention_heads") == 4


@pytest.mark.parametrize(
    "kept",
    [
        {"n_head": 4},
        Recorded(Global("argparse", "Namespace"), state={"n_head": 4}),
        Recorded(Global("omegaconf", "DictConfig"), state={"_content": {"n_head": 4}}),
        Recorded(Global("own", "Settings"), items={"n_head": 4}),
    ],
)
def test_dictionaries_namespaces_and_objects_have_fields(kept: Any) -> None:
    assert fields(kept) == {"n_head": 4}


@pytest.mark.parametrize("kept", [None, 3, "n_head", [1], {1: 2}])
def test_other_values_have_none(kept: Any) -> None:
    assert fields(kept) == {}


def test_a_whole_config_is_told_from_a_few_settings() -> None:
    whole = {"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1}
    assert Declared([("x", {"n_head": 2}), ("config.json", whole)]).hugging_face() == whole
    assert Declared([("x", {"model_type": "gpt-mini", "n_embd": 8})]).hugging_face() is None


def test_a_broken_document_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointProblem, match=r"config\.json"):
        declared(tmp_path / "final.pt", {})
