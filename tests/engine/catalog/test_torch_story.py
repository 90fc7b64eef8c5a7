"""How far a training had come is read from what its script saved, each fact with its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.catalog import torch_contents
from engine.catalog.info import CheckpointInfo
from engine.catalog.torch_story import told
from tests.torch_writers import gpt_weights


def story(tmp_path: Path, checkpoint_id: str = "run/final.pt", **beside: Any) -> CheckpointInfo:
    file = tmp_path / "final.pt"
    torch.save({"model": gpt_weights(bias=False), **beside}, file)
    return told(CheckpointInfo(checkpoint_id, file, "final", "torch"), torch_contents.read(file))


@pytest.mark.parametrize("step", [250, 250.0, torch.tensor(250)])
@pytest.mark.parametrize("key", ["iter_num", "step", "global_step", "iteration"])
def test_the_step_has_many_names(tmp_path: Path, key: str, step: Any) -> None:
    info = story(tmp_path, **{key: step})
    assert (info.step, info.evidence["step"]) == (250, f"the file's {key!r}")


@pytest.mark.parametrize(
    ("key", "kind"),
    [("val_loss", "validation"), ("best_val_loss", "validation"), ("loss", "train"), ("best_reward", "reward")],
)
def test_the_loss_says_which_it_is(tmp_path: Path, key: str, kind: str) -> None:
    info = story(tmp_path, **{key: torch.tensor(2.5)})
    assert (info.loss.kind, info.loss.value) == (kind, 2.5)
    assert info.evidence["loss"] == f"the file's {key!r}"


@pytest.mark.parametrize("nonsense", ["250", None, True, -3, float("nan"), float("inf"), [1], torch.zeros(2), 2**2000])
def test_nonsense_is_no_evidence(tmp_path: Path, nonsense: Any) -> None:
    info = story(tmp_path, step=nonsense, epoch=nonsense)
    assert (info.step, info.epoch) == (None, None)
    assert "step" not in info.evidence


def test_half_a_step_is_none(tmp_path: Path) -> None:
    assert story(tmp_path, step=2.5).step is None


def test_what_is_stored_beats_the_name(tmp_path: Path) -> None:
    assert story(tmp_path, "run/step_900.pt", step=800).step == 800
    assert story(tmp_path, "run/step_900.pt").step == 900


@pytest.mark.parametrize(
    ("beside", "stage"),
    [
        ({"config": {"algorithm": "grpo"}}, "grpo"),
        ({"config": {"algorithm": "adamw"}}, "sft"),
        ({"config": {"init_from": "scratch"}}, "pretrain"),
        ({"best_reward": 1.0}, "rl"),
        ({}, "sft"),
    ],
)
def test_the_stage_follows_from_the_settings_before_the_path(tmp_path: Path, beside: dict, stage: str) -> None:
    info = story(tmp_path, "sft/final.pt", **beside)
    assert info.stage == stage
    assert info.evidence["stage"]


def test_a_finetuned_model_names_its_parent(tmp_path: Path) -> None:
    assert story(tmp_path, config={"init_from": "gpt2-medium"}).parent == "gpt2-medium"
    assert story(tmp_path, config={"init_from": "resume"}).parent is None


def test_without_contents_the_path_alone_tells() -> None:
    info = told(CheckpointInfo("sft/step_5.pt", Path("sft/step_5.pt"), "step_5", "torch"), None)
    assert (info.step, info.stage, info.group, info.loss) == (5, "sft", "SFT", None)
