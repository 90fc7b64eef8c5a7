"""What nanochat writes beside its weights: meta_000500.json for model_000500.pt, in a folder that names the stage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.catalog.documents import read_object_if_there

LONGEST_DOCUMENT = 1024 * 1024
STAGES: Mapping[str, str] = {
    "base_checkpoints": "pretrain",
    "mid_checkpoints": "sft",
    "chatsft_checkpoints": "sft",
    "chatrl_checkpoints": "rl",
}


def beside(path: Path) -> dict[str, Any]:
    """The step, the settings of the model and so on; nothing for a file that is not named as nanochat's.

    Raises CheckpointProblem when the file is there and is no JSON object.
    """
    match = re.fullmatch(r"model_(\d{5,12})\.pt", path.name)
    if match is None:
        return {}
    found = read_object_if_there(path.parent / f"meta_{match[1]}.json", LONGEST_DOCUMENT)
    folder = path.parent.parent.name
    return {**found, "stage_folder": folder} if folder in STAGES else found
