"""The chat template is found in whichever file of a folder it lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.catalog.templates import near


@pytest.mark.parametrize("name", ["tokenizer_config.json", "chat_template.json"])
def test_a_template_inside_json_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps({"chat_template": "{{ messages }}"}))
    assert (near(tmp_path).text, near(tmp_path).source) == ("{{ messages }}", name)


def test_a_file_of_its_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "other"}))
    (tmp_path / "chat_template.jinja").write_text("own")
    assert near(tmp_path).text == "own"


@pytest.mark.parametrize("stored", [None, 3, [], [3], {"name": "default"}])
def test_what_is_no_template_is_none(tmp_path: Path, stored: object) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": stored}))
    assert near(tmp_path) is None
