"""Step, epoch, loss, stage and parent of a torch checkpoint, from what its training script saved beside the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from engine.catalog.declared import INSIDE, fields
from engine.catalog.evidence import METHODS, STAGE_GROUPS, findings
from engine.catalog.info import CheckpointInfo, Loss
from engine.catalog.nanochat_meta import STAGES
from engine.catalog.state_dict import Weights

STEPS = ("iter_num", "global_step", "global_steps", "step", "steps", "iteration", "it", "steps_run", "step_count")
EPOCHS = ("epoch", "epochs_run", "epochs")
LOSSES: Mapping[str, str] = {
    "val_loss": "validation",
    "best_val_loss": "validation",
    "best_loss": "validation",
    "eval_loss": "validation",
    "val_bpb": "bits per byte",
    "loss": "train",
    "train_loss": "train",
    "best_reward": "reward",
}
PARENTS = ("init_from", "from_weight", "load_from", "base_model", "pretrained", "resume_from", "parent")
NO_PARENTS = ("scratch", "resume", "none", "")


class Saved(Protocol):
    """What was saved: the weights with what lies beside them, and its values without torch's wrapping."""

    @property
    def weights(self) -> Weights | None:
        """The weights, None where there are none."""

    def plain(self, value: Any) -> Any:
        """A value, a tensor of one number being that number."""


def told(info: CheckpointInfo, contents: Saved | None) -> CheckpointInfo:
    """The description with what the file tells; without contents, with what its path tells."""
    beside = contents.weights.beside if contents is not None and contents.weights is not None else {}
    from_path = findings(info.id, {})
    evidence = dict(from_path.evidence)
    step = _first(contents, beside, STEPS, "step", evidence, whole=True)
    epoch = _first(contents, beside, EPOCHS, "epoch", evidence)
    stage = _stage(beside, evidence) or from_path.stage
    return replace(
        info,
        step=from_path.step if step is None else int(step),
        epoch=from_path.epoch if epoch is None else epoch,
        loss=_loss(contents, beside, evidence),
        stage=stage,
        group=STAGE_GROUPS.get(stage or "", "Other"),
        parent=_parent(beside, evidence),
        evidence=evidence,
    )


def _first(
    contents: Saved | None,
    beside: Mapping[str, Any],
    keys: tuple[str, ...],
    name: str,
    evidence: dict[str, str],
    whole: bool = False,
) -> float | None:
    for key in keys:
        value = _number(contents, beside.get(key))
        if value is not None and value >= 0 and (not whole or value == int(value)):
            evidence[name] = f"the file's {key!r}"
            return value
    return None


def _number(contents: Saved | None, value: Any) -> float | None:
    plain = value if contents is None else contents.plain(value)
    is_number = isinstance(plain, int | float) and not isinstance(plain, bool)
    return float(plain) if is_number and abs(plain) < 1e300 and math.isfinite(plain) else None


def _loss(contents: Saved | None, beside: Mapping[str, Any], evidence: dict[str, str]) -> Loss | None:
    for key, kind in LOSSES.items():
        value = _number(contents, beside.get(key))
        if value is not None:
            evidence["loss"] = f"the file's {key!r}"
            return Loss(kind, value)
    return None


def _stage(beside: Mapping[str, Any], evidence: dict[str, str]) -> str | None:
    for section in _settings(beside):
        algorithm = section.get("algorithm")
        if isinstance(algorithm, str) and algorithm.lower() in METHODS:
            evidence["stage"] = f"the file's settings: algorithm is {algorithm[:40]!r}"
            return algorithm.lower()
        if section.get("init_from") == "scratch":
            evidence["stage"] = "the file's settings: init_from is 'scratch'"
            return "pretrain"
    folder = beside.get("stage_folder")
    if isinstance(folder, str) and folder in STAGES:
        evidence["stage"] = f"nanochat keeps it in {folder}"
        return STAGES[folder]
    if "best_reward" in beside:
        evidence["stage"] = "the file's 'best_reward'"
        return "rl"
    return None


def _parent(beside: Mapping[str, Any], evidence: dict[str, str]) -> str | None:
    for section in _settings(beside):
        for key in PARENTS:
            value = section.get(key)
            if isinstance(value, str) and value.lower() not in NO_PARENTS:
                evidence["parent"] = f"the file's settings: {key}"
                return value[:200]
    return None


def _settings(beside: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [fields(beside[key]) for key in INSIDE if key in beside]
