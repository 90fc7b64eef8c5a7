"""The YAML that tools write is read as their own reader reads it; what is not understood is refused, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalog.plain_yaml import parse, read_if_there
from engine.errors import CheckpointProblem

TEXT = """\
# written by a tool
---
name: Llama-3.2-1B  # a comment
empty: {}
nothing: null
also:
flag: true
off: false
whole: -12
number: 1.0e-05
plain: 1e-05
text: 'it''s: here'
escaped: "a\\nb"
list:
- 1
- two
inside:
  deeper:
    - 0.5
  last: [1, 2.5, x]
tail: 3
"""


def test_settings_are_read_with_their_types() -> None:
    assert parse(TEXT) == {
        "name": "Llama-3.2-1B", "empty": {}, "nothing": None, "also": None, "flag": True, "off": False, "whole": -12,
        "number": 1e-05, "plain": 1e-05, "text": "it's: here", "escaped": "a\nb", "list": [1, "two"],
        "inside": {"deeper": [0.5], "last": [1, 2.5, "x"]}, "tail": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "a: &anchor 1\nb: *anchor",
        "a: !!python/object/apply:os.system ['x']",
        "a: |\n  text",
        "a: 1\n   b: 2",
        "a: 1\na: 2",
        "just a text",
        "- a: 1",
        "a: {b: 1}",
        "a: [[1]]",
        'a: "not ended',
        "\ta: 1",
        "\n".join(" " * depth + "a:" for depth in range(40)),
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(CheckpointProblem) as problem:
        parse(text)
    assert problem.value.code == "config_invalid"


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert read_if_there(tmp_path / "none.yaml") == {}


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(CheckpointProblem, match=r"x\.yaml"):
        read_if_there(tmp_path / "x.yaml")
