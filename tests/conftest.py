"""Fixtures for the whole tree: a folder of tiny real checkpoints and engines over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Engine, EngineOptions
from tests.tiny import write_checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoints folder with one tiny chat model, `sft/tiny`, and one without a template, `pretrain/tiny`."""
    root = tmp_path_factory.mktemp("checkpoints")
    write_checkpoint(root / "sft" / "tiny")
    write_checkpoint(root / "pretrain" / "tiny", template=None, seed=1)
    return root


@pytest.fixture
def tiny_engine(tiny_checkpoints: Path, tmp_path: Path) -> Iterator[Engine]:
    """An engine over the tiny checkpoints whose workers are threads, in float32."""
    options = EngineOptions(
        checkpoints=tiny_checkpoints, cache_directory=tmp_path / "cache", host="thread", precision="float32"
    )
    engine = Engine(options)
    yield engine
    engine.close()
