"""Stage, step, epoch and loss of a checkpoint, each with the evidence it came from. What is guessed says so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from engine.catalog.info import Loss
from engine.catalog.trainer import NOTHING_TOLD, Trainer

# Methods of reinforcement learning and of learning from preferences: each is a stage by its own name.
METHODS = (
    "dpo", "ipo", "kto", "orpo", "simpo", "cpo", "bco", "xpo", "ppo", "grpo", "gspo", "dapo", "rloo", "reinforce",
)  # fmt: skip
STAGE_GROUPS: Mapping[str, str] = {
    "pretrain": "Pretrained",
    "midtrain": "Pretrained",
    "sft": "SFT",
    "distill": "SFT",
    "rl": "RL",
    **dict.fromkeys(METHODS, "RL"),
    "adapter": "Adapter",
}
# In the order in which they decide: a run named sft_from_pretrain is SFT, one named dpo-after-sft is RL.
STAGE_WORDS: Sequence[tuple[str, frozenset[str]]] = (
    ("adapter", frozenset({"lora", "adapter", "qlora", "dora"})),
    *((method, frozenset({method})) for method in METHODS),
    ("rl", frozenset({"rl", "rlvr", "rlhf"})),
    ("distill", frozenset({"distill", "distilled", "distillation", "kd"})),
    ("sft", frozenset({"sft", "instruct", "chat", "it", "alpaca", "finetune", "finetuned", "instruction"})),
    ("midtrain", frozenset({"mid", "midtrain", "midtraining"})),
    ("pretrain", frozenset({"pretrain", "pretrained", "pretraining", "base", "foundation", "cpt"})),
)
STEP_PATTERNS = tuple(
    re.compile(rf"(?<![a-z]){pattern}(?!\d)")
    for pattern in (
        r"checkpoint[_-](\d{1,12})",
        r"global_?step[_=-]?(\d{1,12})",
        r"step[_=-]?(\d{1,12})",
        r"iter(?:ation)?[_=-]?(\d{1,12})",
        r"ba(\d{1,12})",
        r"model_(\d{5,12})",
    )
)
LARGEST_NUMBER = 1e300
EPOCH_PATTERN = re.compile(r"(?<![a-z])ep(?:och)?[_=-]?(\d{1,6})(?!\d)")


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found; `evidence` has a sentence for each field that is set."""

    stage: str | None = None
    group: str = "Other"
    step: int | None = None
    epoch: float | None = None
    loss: Loss | None = None
    parent: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)


def findings(
    checkpoint_id: str,
    trainer_state: Mapping[str, Any],
    names: Sequence[str] = (),
    trained: Trainer = NOTHING_TOLD,
) -> Findings:
    """Look at what the trainer left, then in the words of `names` (titles, tags) and of the id."""
    evidence: dict[str, str] = {}
    stage = trained.stage or _stage(checkpoint_id, names, evidence)
    if trained.stage:
        evidence["stage"] = trained.stage_evidence
    if trained.parent:
        evidence["parent"] = trained.parent_evidence
    step = _step(checkpoint_id, trainer_state, evidence)
    epoch = _epoch(checkpoint_id, trainer_state, evidence)
    loss = _loss(trainer_state, evidence)
    return Findings(stage, STAGE_GROUPS.get(stage or "", "Other"), step, epoch, loss, trained.parent, evidence)


def _stage(checkpoint_id: str, names: Sequence[str], evidence: dict[str, str]) -> str | None:
    for name in names:
        if stage := _stage_in(name):
            evidence["stage"] = f"inferred from the name {name!r}"
            return stage
    for part in reversed(PurePosixPath(checkpoint_id).parts):
        if stage := _stage_in(part):
            evidence["stage"] = f"inferred from the path: {part!r}"
            return stage
    return None


def _stage_in(text: str) -> str | None:
    words = set(re.split(r"[^a-z]+", text.lower()))
    return next((stage for stage, known in STAGE_WORDS if words & known), None)


def _step(checkpoint_id: str, trainer_state: Mapping[str, Any], evidence: dict[str, str]) -> int | None:
    stored = trainer_state.get("global_step")
    if isinstance(stored, int) and not isinstance(stored, bool):
        evidence["step"] = "trainer_state.json: global_step"
        return stored
    for part in reversed(PurePosixPath(checkpoint_id).parts):
        for pattern in STEP_PATTERNS:
            if match := pattern.search(part):
                evidence["step"] = f"inferred from the path: {part!r}"
                return int(match[1])
    return None


def _epoch(checkpoint_id: str, trainer_state: Mapping[str, Any], evidence: dict[str, str]) -> float | None:
    stored = _number(trainer_state.get("epoch"))
    if stored is not None:
        evidence["epoch"] = "trainer_state.json: epoch"
        return stored
    for part in reversed(PurePosixPath(checkpoint_id).parts):
        if match := EPOCH_PATTERN.search(part):
            evidence["epoch"] = f"inferred from the path: {part!r}"
            return float(match[1])
    return None


def _loss(trainer_state: Mapping[str, Any], evidence: dict[str, str]) -> Loss | None:
    history = trainer_state.get("log_history")
    entries = [entry for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []
    for key, kind in (("eval_loss", "validation"), ("loss", "train")):
        logged = (entry[key] for entry in reversed(entries) if key in entry)
        for place, value in enumerate(map(_number, logged)):
            if value is not None:
                since = " that is a number: what was logged since is none" if place else ""
                evidence["loss"] = f"trainer_state.json: the last {key} of log_history{since}"
                return Loss(kind, value)
    return None


def _number(value: Any) -> float | None:
    """A finite number; trainers write NaN too, which JSON does not have."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < LARGEST_NUMBER else None
