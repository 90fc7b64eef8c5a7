"""A tokenizer is taken only where it fits the embeddings, and one that is not there is asked for with what is known."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from engine.catalog import tokenizer_files
from engine.catalog.tokenizer_files import absent, near, places
from engine.errors import CheckpointProblem
from tests.torch_writers import write_characters, write_tokenizer


@pytest.mark.parametrize(
    ("size", "rows", "fits"), [(300, 300, True), (300, 320, True), (300, 299, False), (300, 3000, False)]
)
def test_a_tokenizer_must_fit_the_embeddings(tmp_path: Path, size: int, rows: int, fits: bool) -> None:
    write_tokenizer(tmp_path, size)
    assert (near(tmp_path / "final.pt", rows) is not None) is fits


@pytest.mark.parametrize(
    "place", ["tokenizer.json", "tokenizer/tokenizer.json", "../tokenizer.json", "../../../tokenizer.json"]
)
def test_it_is_looked_for_here_and_above(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    write_tokenizer((folder / place).resolve().parent)
    assert near(folder / "final.pt", 320).source == place


def test_four_folders_above_is_too_far(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    assert near(tmp_path / "a" / "b" / "c" / "d" / "final.pt", 320) is None


def test_special_tokens_come_from_the_files_beside_it(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    settings = {"bos_token": "<|endoftext|>", "eos_token": {"content": "<|im_end|>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    found = near(tmp_path / "final.pt", 320)
    assert found.special_tokens == {"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
    assert (found.bos_id, found.stop_ids) == (256, (256, 258))


def test_characters_of_another_data_set_are_passed_over(tmp_path: Path) -> None:
    write_characters(tmp_path / "meta.pkl", "abc")
    assert near(tmp_path / "final.pt", 2) is None
    assert near(tmp_path / "final.pt", 3).source == "meta.pkl"


class Harm:
    """Would make a folder if it were unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


def test_a_meta_pkl_is_never_unpickled(tmp_path: Path) -> None:
    meta = {"stoi": {"a": 0}, "extra": Harm(tmp_path / "made")}
    (tmp_path / "meta.pkl").write_bytes(pickle.dumps(meta))
    assert near(tmp_path / "final.pt", 1) is None
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "meta",
    [[], {}, {"stoi": {}}, {"stoi": {"ab": 0}}, {"stoi": {"a": "0"}}, {"stoi": {"a": -1}}, {"stoi": {"\ud800": 0}}],
)
def test_a_meta_pkl_without_characters_is_passed_over(tmp_path: Path, meta: Any) -> None:
    (tmp_path / "meta.pkl").write_bytes(pickle.dumps(meta))
    assert near(tmp_path / "final.pt", 1) is None


def test_a_meta_pkl_that_is_something_else_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "meta.pkl").write_bytes(b"nothing of the kind")
    write_characters(tmp_path / "meta.pkl", "abc")
    assert near(tmp_path / "run" / "final.pt", 3).source == "../meta.pkl"


@pytest.mark.parametrize("model", [None, 3, {}, {"vocab": "abc"}, {"vocab": {}}, {"vocab": {"a": "b"}}])
def test_a_tokenizer_without_tokens_is_passed_over(tmp_path: Path, model: Any) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    assert near(tmp_path / "final.pt", 320) is None


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointProblem, match=r"tokenizer\.json"):
        near(tmp_path / "final.pt", 320)


@pytest.mark.parametrize("dataset", ["../../etc", "/etc", "a/b", "", "x" * 200])
def test_the_name_of_the_data_is_a_name_and_no_path(tmp_path: Path, dataset: str) -> None:
    assert places(tmp_path / "final.pt", 1, dataset) == places(tmp_path / "final.pt", 1)


def test_the_problem_names_the_size_and_the_likely_tokenizer(tmp_path: Path) -> None:
    problem = absent(tmp_path / "final.pt", 50304)
    assert problem.code == "tokenizer_not_found"
    assert "50304 tokens, probably GPT-2's" in problem.message
    assert "tokenizer.json of GPT-2" in problem.hint
    assert "probably" not in absent(tmp_path / "final.pt", 12345).message


def test_kinds_have_names(tmp_path: Path) -> None:
    write_characters(tmp_path / "meta.pkl", "abc")
    assert tokenizer_files.kind(near(tmp_path / "final.pt", 3)) == "characters"
