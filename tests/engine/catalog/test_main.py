"""The list in the terminal says what the page says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.catalog.__main__ import main
from tests.tiny import write_checkpoint

ROOT = Path(__file__).resolve().parents[3]


def test_the_table_has_a_line_for_each_checkpoint_and_its_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_checkpoint(tmp_path / "sft" / "checkpoint-500")
    broken = write_checkpoint(tmp_path / "broken")
    (broken / "config.json").write_text('{"model_type": "rwkv"}')
    assert main([str(tmp_path)]) == 0
    head, *rows, reason, summary = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["ID", "GROUP", "STAGE", "STEP", "LOSS"]
    assert [row.split()[0] for row in rows] == ["sft/checkpoint-500", "broken"]
    assert rows[0].split()[1:4] == ["SFT", "sft", "500"]
    assert rows[1].endswith("unknown_architecture")
    assert reason.startswith("broken: ") and reason.endswith("Load it with transformers.")
    assert summary.startswith("2 checkpoints")


def test_json_has_everything_that_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_checkpoint(tmp_path / "model")
    assert main([str(tmp_path), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["checkpoints"]
    assert (one["id"], one["family"], one["problem"]) == ("model", "llama", None)
    assert one["path"] == str(tmp_path / "model")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_it_runs_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys, runpy; sys.argv = ['catalog', sys.argv[1]]\n"
        "try: runpy.run_module('engine.catalog', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip().split(" in ")[0]) == (
        0,
        "ID  GROUP  STAGE  STEP  LOSS  FORMAT  FAMILY  PARAMETERS  SIZE  PROBLEM\n0 checkpoints",
    ), done.stderr
