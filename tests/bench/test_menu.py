"""What can be measured, and the options that reach the process that measures."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.menu import OWN_OPTIONS, ROWS, Options, read_options


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file that could be a model."""
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF" * 500_000)
    return file


@pytest.mark.parametrize("module", [*(row.module for row in ROWS.values()), *OWN_OPTIONS.values()])
def test_whatever_the_menu_names_is_there(module: str) -> None:
    assert find_spec(module) is not None


def test_options_reach_the_process_that_measures_as_they_were_given(model: Path) -> None:
    asked = ["beat", "--model", str(model), "--threads", "3", "--repetitions", "7", "--short", "--without", "a", "b"]
    what, options = read_options(asked, "title")
    assert what == ["beat"]
    assert options.without == ("a", "b")
    assert read_options(["beat", *options.as_arguments()], "title") == (["beat"], options)


def test_without_a_name_everything_is_measured_that_needs_no_gpu(model: Path) -> None:
    what, _ = read_options(["--model", str(model)], "title")
    assert "rates" in what
    assert "gpu" not in what


def test_a_short_run_does_everything_once(model: Path) -> None:
    assert Options(model=model, repetitions=5).times == 5
    assert Options(model=model, repetitions=5, short=True).times == 1


def test_the_conditions_name_file_size_and_threads(model: Path) -> None:
    told = Options(model=model, threads=2).conditions(ROWS["rates"])
    assert told == "model.gguf, 2 MB; 2 threads for everybody; 5 repetitions"
    assert Options(model=model).conditions(ROWS["blocks"]) == "no model takes part"


def test_a_model_that_is_not_there_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        read_options(["beat", "--model", str(tmp_path / "none.gguf")], "title")
    assert refusal.value.code == 2
    assert "none.gguf" in capsys.readouterr().err
