"""Which trainer wrote a folder is read from what it left there, in falling order of trust, and nothing of it is run."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.catalog.scan import Scanner
from engine.catalog.trainer import Trainer, trainer
from tests.tiny import write_checkpoint

CARD = """---
base_model: somebody/Base-1B
library_name: transformers
tags:
- generated_from_trainer
- trl
- grpo
license: mit
---
# A model
tags:
- dpo
"""


def save_arguments(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """training_args.bin as Trainer writes it: a pickled object of a class of TRL's, which is not there on reading."""
    module = types.ModuleType("trl_like.config")
    kind = type(name, (), {"__module__": "trl_like.config"})
    setattr(module, name, kind)
    package = types.ModuleType("trl_like")
    package.config = module
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "trl_like", package)
        patch.setitem(sys.modules, "trl_like.config", module)
        arguments = kind()
        arguments.learning_rate = 1e-5
        torch.save(arguments, folder / "training_args.bin")


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("DPOConfig", "dpo"),
        ("SFTConfig", "sft"),
        ("GRPOConfig", "grpo"),
        ("OnlineDPOConfig", "dpo"),
        ("GKDConfig", "distill"),
        ("TrainingArguments", None),
    ],
)
def test_the_class_of_the_arguments_names_the_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, stage: str | None
) -> None:
    save_arguments(tmp_path, name, monkeypatch)
    found = trainer(tmp_path, {})
    assert found.stage == stage
    assert found.stage_evidence == (f"training_args.bin: {name}" if stage else "")


def test_the_card_of_the_run_names_method_and_parent(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(CARD)
    (tmp_path / "checkpoint-5").mkdir()
    assert trainer(tmp_path / "checkpoint-5", {}) == Trainer(
        "grpo", "../README.md: the tag 'grpo'", "somebody/Base-1B", "../README.md: base_model"
    )


@pytest.mark.parametrize(
    ("row", "stage"),
    [
        ({"loss": 0.6, "rewards/chosen": 0.2}, "dpo"),
        ({"loss": 0.6, "rewards/chosen": 0.2, "log_odds_ratio": 1.0}, "orpo"),
        ({"loss": 0.6, "rewards/chosen": 0.2, "kl": 0.1}, "kto"),
        ({"reward": 1.0, "reward_std": 0.5}, "grpo"),
        ({"accuracy": 0.7, "margin": 1.0, "min_reward": -1.0, "mean_reward": 0.1}, "reward"),
        ({"loss": 2.0, "mean_token_accuracy": 0.4}, "sft"),
        ({"loss": 2.0, "grad_norm": 1.0}, None),
    ],
)
def test_the_keys_of_the_log_tell_the_method(tmp_path: Path, row: dict[str, float], stage: str | None) -> None:
    assert trainer(tmp_path, {"log_history": [row]}).stage == stage


@pytest.mark.parametrize("state", [{}, {"log_history": 3}, {"log_history": ["text", None]}])
@pytest.mark.parametrize("card", ["", "---", "---\ntags: [trl, 'dpo']\n", "---\nbase_model:\n---\n"])
def test_broken_cards_and_logs_tell_nothing(tmp_path: Path, state: dict[str, Any], card: str) -> None:
    (tmp_path / "README.md").write_text(card)
    (tmp_path / "training_args.bin").write_bytes(b"PK\x03\x04 and no more")
    assert trainer(tmp_path, state) == Trainer()


def test_tags_in_brackets_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\ntags: [trl, 'dpo']\nbase_model:\n- one/two\n---\n")
    found = trainer(tmp_path, {})
    assert (found.stage, found.parent) == ("dpo", "one/two")


def test_the_list_names_the_method_its_group_and_the_parent(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "run" / "checkpoint-5")
    (folder / "README.md").write_text(CARD)
    scanner = Scanner(tmp_path)
    scanner.scan()
    (info,) = scanner.listing.checkpoints
    assert (info.stage, info.group, info.parent) == ("grpo", "RL", "somebody/Base-1B")
    assert info.evidence["parent"] == "README.md: base_model"
