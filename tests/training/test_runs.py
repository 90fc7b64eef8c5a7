"""What is said of runs, over the files of several tools; with numbers held against those in the files."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from pathlib import Path

import pytest

from tests.training.foreign.test_tensorboard import event, scalar
from training import runs
from training.events import TrainingEmitter
from training.run_writer import RunWriter
from training.runs import Checkpoint, NotSteerable, Runs, UnknownRun


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(runs, "SECONDS_BETWEEN_SEARCHES", 0.0)


def events(path: Path, *told: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in told)


def batches(first: int, last: int, **more: object) -> list[dict]:
    return [
        {"event": "batch_end", "step": step, "loss": 1.0, "at": 1.7e9 + step, **more} for step in range(first, last)
    ]


def codes(run: runs.Summary) -> list[str]:
    return [warning.code for warning in run.warnings]


def test_the_numbers_of_three_tools_are_those_in_their_files(tmp_path: Path) -> None:
    (tmp_path / "board").mkdir()
    board = b"".join(event(step, scalar("loss", 3 - step / 512)) for step in range(512))
    (tmp_path / "board" / "events.out.tfevents.1").write_bytes(board)
    state = {"log_history": [{"step": step, "loss": 3 - step / 512} for step in range(512)], "max_steps": 1024}
    (tmp_path / "trainer" / "checkpoint-512").mkdir(parents=True)
    (tmp_path / "trainer" / "checkpoint-512" / "trainer_state.json").write_text(json.dumps(state))
    (tmp_path / "plain").mkdir()
    lines = [f"iter {step}: loss {3 - step / 512:.9f}, time 5ms\n" for step in range(512)]
    (tmp_path / "plain" / "train.log").write_text("".join(lines))
    house = Runs(tmp_path)
    for run_id in ("board", "trainer", "plain"):
        (drawn,), _, is_whole = house.series(run_id, ["loss"], "step", 2000)
        assert is_whole
        assert [(x, value) for x, value, _, _ in drawn.points] == [(step, 3 - step / 512) for step in range(512)]
        assert house.one(run_id).losses.train == 3 - 511 / 512
    assert (house.one("trainer").total_steps, house.one("trainer").progress) == (1024, 511 / 1024)


def test_a_growing_log_is_followed_and_a_cut_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "a" / "events.jsonl"
    events(path, *batches(0, 5))
    house = Runs(tmp_path)
    assert house.one("a").step == 4
    line = json.dumps(batches(5, 6)[0]) + "\n"
    with path.open("a") as file:
        file.write(line[:20])
        file.flush()
        assert house.one("a").step == 4
        assert len(house.series("a", ["loss"], "step", 100)[0][0].points) == 5
        file.write(line[20:])
    assert house.one("a").step == 5
    assert len(house.series("a", ["loss"], "step", 100)[0][0].points) == 6


def test_a_log_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a" / "events.jsonl"
    events(path, *batches(0, 50))
    house = Runs(tmp_path)
    assert len(house.series("a", ["loss"], "step", 100)[0][0].points) == 50
    path.unlink()
    events(path, *batches(0, 3, loss=9.0))
    assert [point[1] for point in house.series("a", ["loss"], "step", 100)[0][0].points] == [9.0] * 3
    assert house.one("a").losses.train == 9.0
    path.write_text("")
    assert house.series("a", ["loss"], "step", 100)[0] == []


def test_files_that_were_put_aside_are_read_before_the_last(tmp_path: Path) -> None:
    emitter = TrainingEmitter()
    house = Runs(tmp_path)
    with RunWriter(tmp_path / "a", emitter, largest_file=2000):
        for step in range(1, 101):
            emitter.emit("batch_end", step=step, loss=1.0 / step)
            if step == 50:
                assert house.series("a", ["loss"], "step", 1000)[0][0].points[-1][0] == 50
    points = house.series("a", ["loss"], "step", 1000)[0][0].points
    assert [x for x, *_ in points] == list(range(1, 101))


def test_a_run_that_is_deleted_while_watched_is_gone(tmp_path: Path) -> None:
    events(tmp_path / "a" / "events.jsonl", *batches(0, 5))
    house = Runs(tmp_path)
    house.series("a", None, "step", 10)
    shutil.rmtree(tmp_path / "a")
    assert house.all() == []
    for ask in (
        lambda: house.series("a", None, "step", 10),
        lambda: house.log("a", 0),
        lambda: house.order("a", "stop", None),
    ):
        with pytest.raises(UnknownRun):
            ask()


def test_a_huge_log_is_looked_at_from_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "a" / "events.jsonl"
    events(path, {"event": "training_start", "total_steps": 10**6}, *batches(0, 300))
    with path.open("r+b") as file:
        file.truncate(2**30)
        file.seek(2**30)
        file.write(b"\n" + "".join(json.dumps(one) + "\n" for one in batches(900, 1000)).encode())
    run = Runs(tmp_path).one("a")
    assert (run.step, run.total_steps) == (999, 10**6)


def test_strange_runs_are_warned_about(tmp_path: Path) -> None:
    path = tmp_path / "a" / "events.jsonl"
    events(path, *batches(0, 5, writer="x"), *batches(3, 4, writer="y", loss="NaN"), *batches(5, 6, writer="x"))
    with path.open("a") as file:
        file.write("nonsense\n")
    run = Runs(tmp_path).one("a")
    assert codes(run) == ["not_finite", "two_writers", "step_went_back", "skipped_lines"]
    assert "step 3" in run.warnings[0].message


def test_a_loss_that_runs_away_is_warned_about_and_one_spike_is_not(tmp_path: Path) -> None:
    spiky = [{**one, "loss": 9.0 if one["step"] == 60 else 1.0} for one in batches(0, 100)]
    wild = [{**one, "loss": 1.0 if one["step"] < 60 else one["step"] / 10} for one in batches(0, 100)]
    events(tmp_path / "spiky" / "events.jsonl", *spiky)
    events(tmp_path / "wild" / "events.jsonl", *wild)
    house = Runs(tmp_path)
    assert (codes(house.one("spiky")), codes(house.one("wild"))) == ([], ["divergence"])


def test_a_run_whose_process_died_has_failed(tmp_path: Path) -> None:
    start = {"event": "writer_start", "pid": 2**22 + 1, "process": "boot:1", "host": platform.node(), "at": 1.7e9}
    events(tmp_path / "a" / "events.jsonl", start, *batches(0, 5))
    run = Runs(tmp_path).one("a")
    assert (run.state, run.controls) == ("failed", ())
    assert "without saying" in (run.failure or "")


def test_a_quiet_log_has_stalled_and_one_that_is_complete_has_finished(tmp_path: Path) -> None:
    for name, total in (("stalled", 100), ("finished", 5)):
        events(tmp_path / name / "events.jsonl", {"event": "training_start", "total_steps": total}, *batches(0, 5))
        os.utime(tmp_path / name / "events.jsonl", (time.time() - 1800,) * 2)
    house = Runs(tmp_path)
    assert {run.id: run.state for run in house.all()} == {"stalled": "stalled", "finished": "finished"}
    assert codes(house.one("stalled")) == ["stalled"]


def test_the_pace_and_the_time_that_is_left_are_told(tmp_path: Path) -> None:
    told = [{**one, "tokens": one["step"] * 100} for one in batches(0, 51)]
    events(tmp_path / "a" / "events.jsonl", {"event": "training_start", "total_steps": 100}, *told)
    run = Runs(tmp_path).one("a")
    assert (run.progress, run.eta_seconds, run.tokens_per_second) == (0.5, 50.0, 100.0)


def test_checkpoints_are_joined_to_their_run(tmp_path: Path) -> None:
    events(tmp_path / "pre" / "train" / "events.jsonl", *batches(0, 5))
    saved = tmp_path / "elsewhere" / "step.pt"
    events(
        tmp_path / "b" / "events.jsonl", {"event": "checkpoint_saved", "checkpoint_path": str(saved)}, *batches(0, 5)
    )
    known = [
        Checkpoint(one, tmp_path / one, 5, 1, 1.0) for one in ("pre/step-5.pt", "predator/x.pt", "elsewhere/step.pt")
    ]
    house = Runs(tmp_path, checkpoints=lambda: known)
    assert {run.id: [one.id for one in run.checkpoints] for run in house.all()} == {
        "pre": ["pre/step-5.pt"],
        "b": ["elsewhere/step.pt"],
    }


def test_a_log_without_numbers_is_no_run_and_a_run_without_control_takes_no_orders(tmp_path: Path) -> None:
    (tmp_path / "download").mkdir()
    (tmp_path / "download" / "wget.log").write_text("saved 5 files\n")
    events(tmp_path / "a" / "events.jsonl", *batches(0, 5))
    house = Runs(tmp_path)
    assert [run.id for run in house.all()] == ["a"]
    with pytest.raises(NotSteerable):
        house.order("a", "stop", None)
    assert not (tmp_path / "a" / "control.json").exists()


def test_settings_are_found_where_tools_leave_them(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "wandb" / "run-20250101_000000-x" / "files"
    folder.mkdir(parents=True)
    (folder / "wandb-summary.json").write_text('{"loss": 1.5, "_step": 3}')
    (folder / "config.yaml").write_text("lr:\n  value: 0.1\nwandb_version: 1\n")
    assert Runs(tmp_path).settings("a") == {"lr": 0.1}
