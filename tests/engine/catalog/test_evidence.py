"""What is told of a run has its evidence, and what is guessed says that it is."""

from __future__ import annotations

from typing import Any

import pytest

from engine.catalog.evidence import findings
from engine.catalog.info import Loss


@pytest.mark.parametrize(
    ("checkpoint_id", "stage", "group"),
    [
        ("pretrain/final", "pretrain", "Pretrained"),
        ("runs/sft_from_pretrain/checkpoint-5", "sft", "SFT"),
        ("dpo-after-sft", "dpo", "RL"),
        ("test_grpo/final", "grpo", "RL"),
        ("SmolLM2-135M-Instruct", "sft", "SFT"),
        ("my-lora-adapter", "adapter", "Adapter"),
        ("something/else", None, "Other"),
        ("iterate/whatchat", None, "Other"),
    ],
)
def test_the_words_of_a_path_tell_the_stage(checkpoint_id: str, stage: str | None, group: str) -> None:
    found = findings(checkpoint_id, {})
    assert (found.stage, found.group) == (stage, group)
    assert ("inferred" in found.evidence.get("stage", "")) is (stage is not None)


@pytest.mark.parametrize(
    ("checkpoint_id", "step"),
    [
        ("run/checkpoint-500", 500),
        ("run/step_1200", 1200),
        ("run/step=7", 7),
        ("run/iter-10", 10),
        ("global_step77/model", 77),
        ("run/model_000600", 600),
        ("run/checkpoint_9", 9),
        ("run/iteration_70", 70),
        ("run/ep0-ba4800-rank0.pt", 4800),
        ("epoch=3-step=1000.ckpt", 1000),
        ("writer-5/megastep3", None),
        ("run/final", None),
    ],
)
def test_a_name_may_hold_the_step(checkpoint_id: str, step: int | None) -> None:
    found = findings(checkpoint_id, {})
    assert found.step == step
    assert ("inferred" in found.evidence.get("step", "")) is (step is not None)


def test_what_the_trainer_stored_beats_the_name() -> None:
    state = {
        "global_step": 40,
        "epoch": 1.5,
        "log_history": [{"loss": 3.0, "step": 10}, {"eval_loss": 2.5, "step": 20}, {"loss": 2.0, "step": 30}, "noise"],
    }
    found = findings("run/checkpoint-500", state)
    assert (found.step, found.epoch) == (40, 1.5)
    assert (found.loss.kind, found.loss.value) == ("validation", 2.5)
    assert set(found.evidence) == {"step", "epoch", "loss"}


@pytest.mark.parametrize(
    "state", [{"global_step": "x", "epoch": True}, {"log_history": "x"}, {"log_history": [{"loss": None}]}]
)
def test_nonsense_in_the_trainers_state_is_no_evidence(state: dict[str, Any]) -> None:
    found = findings("run/final", state)
    assert (found.step, found.epoch, found.loss) == (None, None, None)


@pytest.mark.parametrize(
    ("checkpoint_id", "epoch"), [("epoch=3-step=1000.ckpt", 3), ("run/epoch_12", 12), ("ep2-ba9", 2), ("deep5", None)]
)
def test_a_name_may_hold_the_epoch(checkpoint_id: str, epoch: float | None) -> None:
    found = findings(checkpoint_id, {})
    assert found.epoch == epoch
    assert ("inferred" in found.evidence.get("epoch", "")) is (epoch is not None)


def test_a_loss_that_became_no_number_is_said_beside_the_last_that_was_one() -> None:
    history = [{"eval_loss": float("nan")}, {"loss": 2.0}, {"loss": float("inf")}]
    found = findings("run", {"epoch": float("nan"), "log_history": history})
    assert (found.loss, found.epoch) == (Loss("train", 2.0), None)
    assert "what was logged since is none" in found.evidence["loss"]
