"""The starter model for tests: the file that `./scripts/run.sh starter` puts below checkpoints/."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "checkpoints" / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
ID = f"{FILE.parent.name}/{FILE.name}"


def starter_file() -> Path:
    """The file; without it the test is skipped, except on CI, where it may not be."""
    if FILE.is_file():
        return FILE
    message = "the starter model is not there: ./scripts/run.sh starter fetches it"
    if os.environ.get("CI"):
        pytest.fail(message)
    return pytest.skip(message)
