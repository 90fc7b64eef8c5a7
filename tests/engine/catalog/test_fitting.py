"""Weights that are not those of the config.json beside them are listed with what differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.catalog.formats import huggingface
from tests.tiny import CONFIG, write_checkpoint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_size": 2 * CONFIG["hidden_size"]}, "of width 128, and the weights have 259 of 64"),
        ({"vocab_size": 300}, "tells of 300 embeddings of width 64"),
        ({"num_hidden_layers": 7}, "tells of 7 layers, and the weights have 2"),
    ],
)
def test_another_models_config_is_told_by_what_differs(tmp_path: Path, changes: dict[str, int], words: str) -> None:
    folder = write_checkpoint(tmp_path / "model")
    assert huggingface.describe(folder, "model").problem is None
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    found = huggingface.describe(folder, "model").problem
    assert found.code == "tensors_do_not_fit"
    assert words in found.message


def test_layers_beyond_the_last_are_no_contradiction(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    (folder / "config.json").write_text(json.dumps(CONFIG | {"num_hidden_layers": 1}))
    assert huggingface.describe(folder, "model").problem is None
