"""Real models for tests: the starter model, and a second one of another family that packages of the index carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.starter import starter_file

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
PAGE = Path(__file__).with_name("page_of_english.txt")


def starter() -> Path:
    """The starter model, a Llama; the test is skipped where it is not, except on CI."""
    return starter_file()


def gemma() -> Path:
    """Gemma 3 270M; the test is skipped where it is not: its terms of use are for whoever fetches it to accept."""
    file = CHECKPOINTS / "gemma-3-270m" / "gemma-3-270m-q4_k_m.gguf"
    if file.is_file():
        return file
    return pytest.skip("Gemma 3 270M is not there: docs/formats.md says how to get it")
