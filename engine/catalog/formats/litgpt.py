"""litGPT's folders: lit_model.pth beside model_config.yaml, from its downloads as from its training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.catalog import native, plain_yaml
from engine.catalog.formats import torch_file
from engine.catalog.info import CheckpointInfo
from engine.catalog.layouts.litgpt import SETTINGS
from engine.catalog.source import Source
from engine.errors import CheckpointProblem

NAME = "litgpt"
WEIGHTS, CONFIG, TRAINING = "lit_model.pth", "model_config.yaml", "hyperparameters.yaml"
PARENTS = ("initial_checkpoint_dir", "checkpoint_dir")


def matches(path: Path) -> bool:
    """Whether this is a folder with the two files."""
    return path.is_dir() and (path / WEIGHTS).is_file() and (path / CONFIG).is_file()


def describe(path: Path, checkpoint_id: str) -> CheckpointInfo:
    """What the files say; whatever stands in the way of loading becomes the `problem`. Raises only OSError."""
    return native.describe(CheckpointInfo.of_folder(path, checkpoint_id, NAME), lambda: source(path))


def source(path: Path) -> Source:
    """The folder read. Raises CheckpointProblem for what is broken."""
    found = torch_file.source(path / WEIGHTS)
    training = _training(path)
    beside = {**found.weights.beside, SETTINGS: plain_yaml.read_if_there(path / CONFIG)}
    parent = next((training[name] for name in PARENTS if isinstance(training.get(name), str)), None)
    if parent:
        beside["args"] = {"base_model": parent}
    return replace(found, weights=replace(found.weights, beside=beside))


def _training(path: Path) -> dict[str, Any]:
    """The training's settings; nothing where they are in YAML that is not read here, for they only tell the parent."""
    try:
        return plain_yaml.read_if_there(path / TRAINING)
    except CheckpointProblem:
        return {}
