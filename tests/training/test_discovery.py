from __future__ import annotations

import os
from pathlib import Path

from training.discovery import find_runs


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def found(*roots: Path) -> dict[str, list[str]]:
    return {run_id: [log.path.name for log in run.logs] for run_id, run in find_runs(roots).items()}


def test_logs_inside_a_runs_own_folders_belong_to_it(tmp_path: Path) -> None:
    write(
        tmp_path, "a/runs/Dec01_10-00-00_host/events.out.tfevents.1", "b/logs/csv/version_0/metrics.csv",
        "c/wandb/run-20250101_000000-x/files/output.log", "d/checkpoint-10/trainer_state.json", "e/train.log",
    )  # fmt: skip
    assert found(tmp_path) == {
        "a": ["events.out.tfevents.1"], "b": ["metrics.csv"], "c": ["output.log"], "d": ["trainer_state.json"],
        "e": ["train.log"],
    }  # fmt: skip


def test_a_folder_of_the_same_name_below_both_roots_is_one_run(tmp_path: Path) -> None:
    write(tmp_path, "checkpoints/demo/log.txt", "runs/demo/events.jsonl", "checkpoints/runs/demo/metrics.csv")
    assert found(tmp_path / "checkpoints", tmp_path / "runs") == {"demo": ["events.jsonl", "metrics.csv", "log.txt"]}


def test_the_newest_state_of_a_trainer_counts(tmp_path: Path) -> None:
    write(tmp_path, "a/checkpoint-9/trainer_state.json", "a/checkpoint-10/trainer_state.json")
    os.utime(tmp_path / "a/checkpoint-9/trainer_state.json", (1, 1))
    (log,) = find_runs((tmp_path,))["a"].logs
    assert log.path.parent.name == "checkpoint-10"


def test_curves_of_inner_folders_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, "a/events.out.tfevents.1", "a/loss_val/events.out.tfevents.1", "b/validation/events.out.tfevents.1")
    runs = find_runs((tmp_path,))
    assert sorted(log.prefix for log in runs["a"].logs) == ["", "loss_val/"]
    assert [log.prefix for log in runs["b"].logs] == ["validation/"]


def test_links_are_followed_once_and_hidden_folders_not_at_all(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "run/train.log")
    write(tmp_path / "root", ".git/train.log")
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "elsewhere" / "run")
    (tmp_path / "root" / "linked" / "loop").symlink_to(tmp_path / "root")
    assert found(tmp_path / "root") == {"linked": ["train.log"]}


def test_what_is_not_there_has_no_runs(tmp_path: Path) -> None:
    assert found(tmp_path / "nothing") == {}
