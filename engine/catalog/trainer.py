"""Which trainer wrote a folder, and from what: its arguments' class, its model card, the keys of its log.

The three sources are those of Hugging Face's Trainer and of TRL, in falling order of trust. Nothing is executed: the
class is only named, and of the model card only the lines between its first two `---` are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.catalog import torch_pickle
from engine.catalog.recorded import Recorded
from engine.catalog.torch_zip import open_archive
from engine.errors import CheckpointProblem

ARGUMENTS = "training_args.bin"
LARGEST_ARGUMENTS = 1024 * 1024
LONGEST_CARD = 64 * 1024
METHODS = (
    "sft", "dpo", "grpo", "kto", "rloo", "ppo", "orpo", "cpo", "ipo", "simpo", "bco", "xpo", "reward", "prm",
)  # fmt: skip
# Trainers that are variants of these, by the names of their classes and of their tags.
VARIANTS: Mapping[str, str] = {
    "onlinedpo": "dpo",
    "online-dpo": "dpo",
    "nashmd": "rl",
    "nash-md": "rl",
    "async-grpo": "grpo",
    "asyncgrpo": "grpo",
    "gmpo": "grpo",
    "gkd": "distill",
    "sdft": "distill",
    "distillation": "distill",
    "iterativesft": "sft",
}
# Keys of log_history that one trainer alone writes, all of them together.
LOG_KEYS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"log_odds_ratio"}), "orpo"),
    (frozenset({"rewards/chosen", "kl"}), "kto"),
    (frozenset({"rewards/chosen"}), "dpo"),
    (frozenset({"frac_reward_zero_std"}), "grpo"),
    (frozenset({"objective/rlhf_reward"}), "ppo"),
    (frozenset({"min_reward", "mean_reward", "margin"}), "reward"),
    (frozenset({"reward_std"}), "grpo"),
    (frozenset({"mean_token_accuracy"}), "sft"),
)
MOST_ROWS = 50


@dataclass(frozen=True, slots=True)
class Trainer:
    """What was found: `stage` in the words of the evidence, `parent` the model that training began from."""

    stage: str | None = None
    stage_evidence: str = ""
    parent: str | None = None
    parent_evidence: str = ""


NOTHING_TOLD = Trainer()


def trainer(folder: Path, trainer_state: Mapping[str, Any]) -> Trainer:
    """Look into a folder, and for the model card into the one above it, where TRL writes it."""
    card, where = _card(folder)
    parent = _base_model(card)
    told = _told(folder, trainer_state, card, where)
    stage, evidence = next(told, (None, ""))
    return Trainer(stage, evidence, parent, f"{where}: base_model" if parent else "")


def _told(folder: Path, trainer_state: Mapping[str, Any], card: list[str], where: str) -> Iterator[tuple[str, str]]:
    name = _class_of_arguments(folder / ARGUMENTS)
    if name and (method := _method_of_class(name)):
        yield method, f"{ARGUMENTS}: {name}"
    for tag in _tags(card):
        if method := _method(tag.removesuffix("-trainer")):
            yield method, f"{where}: the tag {tag!r}"
    logged = _logged(trainer_state)
    for keys, method in LOG_KEYS:
        if keys <= logged:
            yield method, f"trainer_state.json: {', '.join(map(repr, sorted(keys)))} in log_history"


def _class_of_arguments(file: Path) -> str | None:
    """The class whose instance the file is, without making one."""
    if not file.is_file() or file.stat().st_size > LARGEST_ARGUMENTS:
        return None
    try:
        stored = torch_pickle.read(open_archive(file))
    except CheckpointProblem:
        return None  # The weights beside it are none the worse for it.
    kind = stored.kind if isinstance(stored, Recorded) else None
    if str(kind).startswith("copyreg.") and isinstance(stored, Recorded):
        kind = next(iter(stored.arguments), None)
    return str(kind).rpartition(".")[2] or None


def _method_of_class(name: str) -> str | None:
    return _method(name.removesuffix("Config").removesuffix("Arguments").lower())


def _method(name: str) -> str | None:
    return VARIANTS.get(name) or (name if name in METHODS else None)


def _card(folder: Path) -> tuple[list[str], str]:
    """The lines of the front matter of README.md here or one folder up."""
    for file, shown in ((folder / "README.md", "README.md"), (folder.parent / "README.md", "../README.md")):
        if not file.is_file():
            continue
        with file.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(LONGEST_CARD)
        if text.startswith("---\n") and "\n---" in text[4:]:
            return text[4 : text.index("\n---", 3)].splitlines(), shown
    return [], ""


def _tags(card: list[str]) -> Iterator[str]:
    """The entries of `tags:`, which stand below it one a line or behind it in brackets."""
    is_inside = False
    for line in card:
        if match := re.match(r"tags:\s*(?:\[(.*)\])?\s*$", line):
            is_inside = True
            yield from (tag.strip("'\" ") for tag in (match[1] or "").split(","))
        elif is_inside and (match := re.match(r"\s*-\s+(\S+)\s*$", line)):
            yield match[1].strip("'\"")
        else:
            is_inside = False


def _base_model(card: list[str]) -> str | None:
    for line, following in pairwise([*card, ""]):
        if match := re.match(r"base_model:\s*(\S.*)?$", line):
            listed = re.match(r"\s*-\s+(\S+)\s*$", following)
            return (match[1] or (listed and listed[1]) or "").strip("'\" ")[:200] or None
    return None


def _logged(trainer_state: Mapping[str, Any]) -> set[str]:
    history = trainer_state.get("log_history")
    rows = history[-MOST_ROWS:] if isinstance(history, list) else []
    return {key for row in rows if isinstance(row, dict) for key in row}
