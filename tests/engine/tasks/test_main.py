"""A task in a process of its own tells how far it is and how it ended, to people and to programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.tiny import write_checkpoint

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine.tasks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def run_telling(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the lines that came over the pipe."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "engine.tasks", "--progress-fd", str(writing), *arguments]
    with subprocess.Popen(command, cwd=ROOT, pass_fds=[writing]) as process:
        os.close(writing)
        with os.fdopen(reading) as lines:
            told = [json.loads(line) for line in lines]
    return process.returncode, told


def test_a_check_tells_progress_and_its_result(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "model")
    code, told = run_telling("check", "--checkpoints", str(tmp_path), "model")
    assert code == 0
    assert told[0] == {"type": "progress", "stage": "reading weights", "current": 0, "total": told[0]["total"]}
    assert told[-1]["type"] == "result"
    assert told[-1]["result"]["checkpoint"] == "model"


def test_an_export_writes_the_folder_and_speaks_to_people(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoints" / "model")
    done = run("export", "--checkpoints", str(tmp_path / "checkpoints"), "model", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert "writing weights: 100 %" in done.stderr
    assert json.loads(done.stdout)["folder"] == str(tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_an_id_that_is_not_there_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    done = run("check", "--checkpoints", str(tmp_path), "../etc")
    assert done.returncode == 1
    assert "there is no checkpoint '../etc'" in done.stderr
    assert "python -m engine.catalog" in done.stderr
    code, told = run_telling("check", "--checkpoints", str(tmp_path), "none")
    assert (code, told[-1]["type"], told[-1]["error"]["code"]) == (1, "error", "model_not_found")
