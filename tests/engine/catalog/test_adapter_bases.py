"""A base is found among the folders near its adapter by comparing names; nothing else is ever opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalog.adapter_bases import candidates, title
from engine.catalog.formats import peft
from engine.catalog.info import Problem
from tests.adapters import pair, write_adapter
from tests.gguf_files import write_tiny_llama
from tests.tiny import write_checkpoint

WEIGHTS = pair("model.layers.0.self_attn.q_proj", 64, 64)


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """Below as many folders as are climbed, so that no other test's base is found."""
    (tmp_path / "two" / "below").mkdir(parents=True)
    return tmp_path / "two" / "below"


def problem_of(folder: Path) -> Problem | None:
    return peft.describe(folder, "runs/adapter").problem


def folders(*made: Path) -> None:
    for folder in made:
        folder.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("place", ["models/name", "org/name", "name", "a/b/name", "a/b/adapter/name"])
def test_bases_beside_above_and_inside_are_found(tmp_path: Path, place: str) -> None:
    folders(tmp_path / "a" / "b" / "adapter", tmp_path / place)
    assert candidates(tmp_path / "a" / "b" / "adapter", "org/name") == [tmp_path / place]


@pytest.mark.parametrize(
    "name", ["name", "../x/name", "/etc/name", "C:\\models\\name", "./name/", "unsloth/name-unsloth-bnb-4bit"]
)
def test_only_the_last_part_of_a_path_is_looked_for(tmp_path: Path, name: str) -> None:
    folders(tmp_path / "root" / "adapter", tmp_path / "root" / "name")
    assert candidates(tmp_path / "root" / "adapter", name) == [tmp_path / "root" / "name"]


@pytest.mark.parametrize("name", ["", "..", "/", "../..", ".", "*", "na", "\0", "other/../adapter"])
def test_names_that_lead_somewhere_find_nothing(tmp_path: Path, name: str) -> None:
    folders(tmp_path / "root" / "adapter", tmp_path / "root" / "name")
    adapter = write_adapter(tmp_path / "root" / "adapter", WEIGHTS, base_model_name_or_path=name)
    assert candidates(adapter, name) == []
    assert problem_of(adapter).code == "base_model_missing"


def test_an_absolute_path_to_a_real_base_is_not_followed(tmp_path: Path) -> None:
    base = write_checkpoint(tmp_path / "far" / "away" / "from" / "all" / "base")
    adapter = tmp_path / "a" / "b" / "c" / "d" / "e" / "adapter"
    for name in (str(base), "../../../../../../far/away/from/all/base"):
        problem = problem_of(write_adapter(adapter, WEIGHTS, base_model_name_or_path=name))
        assert problem.code == "base_model_missing"
        assert "'base'" in problem.hint


def test_more_of_the_path_decides_then_what_is_nearer(tmp_path: Path) -> None:
    adapter, near, far = tmp_path / "a" / "b" / "adapter", tmp_path / "a" / "b" / "name", tmp_path / "org" / "name"
    folders(adapter, near, far)
    assert candidates(adapter, "org/name") == [far, near]
    assert candidates(adapter, "name") == [near, far]


def test_the_cache_of_hugging_face_is_known(tmp_path: Path) -> None:
    cached = tmp_path / "hub" / "models--org--name"
    folders(tmp_path / "adapter", *(cached / "snapshots" / each for each in ("aaa", "bbb")), cached / "refs")
    (cached / "refs" / "main").write_text("bbb\n")
    expected = [cached / "snapshots" / each for each in ("bbb", "aaa")]
    assert candidates(tmp_path / "adapter", "org/name") == expected
    assert candidates(tmp_path / "adapter", "/home/me/.cache/models--org--name/snapshots/ccc") == expected
    assert title(expected[0]) == "org/name"


def test_links_in_circles_end(tmp_path: Path) -> None:
    folders(tmp_path / "adapter")
    (tmp_path / "base").symlink_to(tmp_path / "adapter")
    (tmp_path / "adapter" / "up").symlink_to(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert candidates(tmp_path / "adapter", "base") == []


def test_an_adapter_of_an_adapter_and_of_itself_is_refused(tmp_path: Path) -> None:
    write_adapter(tmp_path / "base", WEIGHTS, base_model_name_or_path="adapter")
    adapter = write_adapter(tmp_path / "adapter", WEIGHTS)
    assert "is an adapter itself" in problem_of(adapter).message
    own = write_adapter(tmp_path / "self", WEIGHTS, base_model_name_or_path="self")
    assert problem_of(own).code == "base_model_missing"


def test_a_base_in_gguf_is_refused_with_the_reason(tmp_path: Path) -> None:
    folders(tmp_path / "base")
    write_tiny_llama(tmp_path / "base" / "model.gguf")
    assert "GGUF" in problem_of(write_adapter(tmp_path / "adapter", WEIGHTS)).message
    named = write_adapter(tmp_path / "named", WEIGHTS, base_model_name_or_path="base-Q4.gguf")
    assert "GGUF" in problem_of(named).message


def test_of_two_bases_with_the_name_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "run" / "base", hidden_size=32, head_dim=8)
    write_checkpoint(tmp_path / "base")
    adapter = write_adapter(tmp_path / "run" / "adapter", WEIGHTS, base_model_name_or_path="base")
    assert problem_of(adapter) is None
    assert {record.file.parent for record in peft.tensors(adapter)} == {tmp_path / "base"}
