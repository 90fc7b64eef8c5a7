from __future__ import annotations

import errno
import json
import math
import os
import shutil
from pathlib import Path

import pytest

from training import run_writer
from training.events import TrainingEmitter
from training.run_writer import RunWriter


def lines(folder: Path, name: str = "events.jsonl") -> list[dict]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in (folder / name).read_text().splitlines() if line]


@pytest.fixture
def emitter() -> TrainingEmitter:
    return TrainingEmitter()


def test_each_event_is_a_line_at_once(emitter: TrainingEmitter, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "demo", emitter, config={"layers": 2}):
        emitter.emit("training_start", total_steps=10)
        emitter.emit("batch_end", batch_idx=0, loss=2.5, lr=0.1)
        emitter.emit("batch_end", batch_idx=1, loss=2.4, lr=0.1)
        found = lines(tmp_path / "demo")
    assert [line["event"] for line in found] == ["writer_start", "training_start", "batch_end", "batch_end"]
    assert found[0]["config"] == {"layers": 2}
    assert found[0]["pid"] == os.getpid()
    assert [line["step"] for line in found[2:]] == [1, 2]


def test_numbers_that_json_does_not_have_become_texts(emitter: TrainingEmitter, tmp_path: Path) -> None:
    class Tensor:
        def item(self) -> float:
            return math.inf

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    with RunWriter(tmp_path, emitter):
        emitter.emit(
            "batch_end", loss=math.nan, lr=Tensor(), path=Path("x"), odd=Broken(), deep=[[-math.inf]], n={1: 2}
        )
    line = lines(tmp_path)[-1]
    assert (line["loss"], line["lr"], line["path"], line["deep"]) == ("NaN", "Infinity", "x", [["-Infinity"]])
    assert line["n"] == {"1": 2}


def test_a_full_file_is_put_aside_and_the_oldest_are_deleted(emitter: TrainingEmitter, tmp_path: Path) -> None:
    with RunWriter(tmp_path, emitter, largest_file=300, most_files=3):
        for number in range(30):
            emitter.emit("batch_end", batch_idx=number, loss=1.0)
    assert len(run_writer.rotated_files(tmp_path)) == 2
    assert all(file.stat().st_size <= 400 for file in tmp_path.iterdir())
    assert lines(tmp_path)[-1]["batch_idx"] == 29


def test_a_cut_last_line_of_a_dead_writer_swallows_nothing(emitter: TrainingEmitter, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"event": "batch_e')
    with RunWriter(tmp_path, emitter):
        emitter.emit("batch_end", loss=1.0)
    text = (tmp_path / "events.jsonl").read_text().splitlines()
    assert text[0] == '{"event": "batch_e'
    assert json.loads(text[-1])["loss"] == 1.0


def test_a_full_disk_costs_lines_and_not_the_training(
    emitter: TrainingEmitter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = os.write

    def full(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with RunWriter(tmp_path, emitter):
        with monkeypatch.context() as patched:
            patched.setattr(run_writer.os, "write", full)
            emitter.emit("batch_end", loss=1.0)
            emitter.emit("batch_end", loss=2.0)
        assert os.write is write
        emitter.emit("batch_end", loss=3.0)
    assert [line.get("loss") for line in lines(tmp_path)] == [None, 3.0]
    assert caplog.text.count("No space left") == 1


def test_a_folder_deleted_under_the_writer_is_made_again(emitter: TrainingEmitter, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run", emitter):
        shutil.rmtree(tmp_path / "run")
        emitter.emit("batch_end", loss=1.0)
    assert [line["loss"] for line in lines(tmp_path / "run")] == [1.0]


def test_an_error_that_ends_the_loop_is_written_down(emitter: TrainingEmitter, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunWriter(tmp_path, emitter):
        1 / 0  # noqa: B018
    assert lines(tmp_path)[-1]["error"] == "ZeroDivisionError: division by zero"


def test_after_the_end_nothing_is_written(emitter: TrainingEmitter, tmp_path: Path) -> None:
    RunWriter(tmp_path, emitter).close()
    emitter.emit("batch_end", loss=1.0)
    assert len(lines(tmp_path)) == 1
