"""The chat template is found in whichever file of a folder it lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.catalog.info import ChatTemplate
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


def test_of_named_templates_the_default_speaks_and_the_one_for_tools_is_kept(tmp_path: Path) -> None:
    named = [{"name": "tool_use", "template": "with tools"}, {"name": "default", "template": "plain"}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}))
    assert near(tmp_path) == ChatTemplate("plain", "tokenizer_config.json", tool_use="with tools")


def test_further_templates_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    more = tmp_path / "additional_chat_templates"
    more.mkdir()
    (more / "tool_use.jinja").write_text("with tools")
    assert near(tmp_path).text == "with tools"
    (tmp_path / "chat_template.jinja").write_text("plain")
    assert near(tmp_path) == ChatTemplate("plain", "chat_template.jinja", tool_use="with tools")
    (more / "default.jinja").write_text("other")
    assert near(tmp_path).text == "plain"


@pytest.mark.parametrize(
    "stored", [[{"name": 3, "template": "x"}], [{"name": "a", "template": []}], [{"template": "x"}]]
)
def test_entries_without_a_name_or_a_text_are_passed_over(tmp_path: Path, stored: object) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": stored}))
    assert near(tmp_path) is None
