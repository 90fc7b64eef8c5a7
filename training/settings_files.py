"""What a run was configured with, from the files that its tool left beside its logs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from engine.catalog.plain_yaml import read_if_there
from engine.errors import CheckpointProblem
from training.discovery import FoundRun
from training.foreign.wandb import settings_of

LARGEST = 2**20
NAMES = ("config.yaml", "hparams.yaml", "args.json", "training_config.json", "hyperparameters.yaml")
_log = logging.getLogger(__name__)


def read_settings(run: FoundRun) -> dict[str, Any]:
    """The first settings that can be read, and nothing where there are none."""
    for path in (*run.settings, *(run.folder / name for name in NAMES)):
        found = _json(path) if path.suffix == ".json" else _yaml(path)
        if found:
            return found
    return {}


def _yaml(path: Path) -> dict[str, Any]:
    try:
        return settings_of(read_if_there(path))
    except (CheckpointProblem, OSError) as error:
        _log.debug("the settings of a run are passed over: %s", error)
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        _log.debug("the settings of a run are passed over: %s", error)
        return {}
    return found if isinstance(found, dict) else {}
