"""Whatever stands in a log, and wherever it is cut, runs are read and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.any_log import read_anything, show_anything
from training.runs import Runs


def test_no_log_breaks_a_reader_and_it_does_not_matter_where_it_is_cut() -> None:
    read_anything(examples=50)


def test_no_log_keeps_the_runs_from_being_shown() -> None:
    show_anything(examples=15)


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "/" * 5000, "loop/x"])
def test_a_checkpoint_that_no_file_system_can_have_hides_no_run(tmp_path: Path, path: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "loop").symlink_to("loop")
    saved = {"event": "checkpoint_saved", "checkpoint_path": str(tmp_path / "run" / path), "step": 1, "at": 1.7e9}
    batch = {"event": "batch_end", "step": 1, "loss": 1.0, "at": 1.7e9}
    (tmp_path / "run" / "events.jsonl").write_text(f"{json.dumps(batch)}\n{json.dumps(saved)}\n")
    assert [run.id for run in Runs(tmp_path).all()] == ["run"]
