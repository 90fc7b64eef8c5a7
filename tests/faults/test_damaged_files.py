"""Files damaged at random, with numbers that say how: each is listed, and what cannot be read is refused in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chat import imports
from engine import InvalidRequest
from engine.catalog import plain_yaml
from engine.errors import CheckpointProblem
from tests.faults.damaged_reader import LARGEST_MEMORY, LOAD
from tests.faults.mutations import mutated
from tests.faults.processes import ROOT
from tests.faults.seeds import KINDS, write_seeds

EACH, EACH_LOADED = 40, 12
LOADED = ("gguf", "safetensors", "torch", "config", "tokenizer")
EXPORTED = {
    "format": "parley-conversation",
    "schema_version": 1,
    "conversation": {"title": "A talk", "model": "sft/tiny", "leaf_id": "m2", "parameters": {"temperature": 0.5}},
    "messages": [
        {"id": "m1", "role": "user", "content": "Hello", "parent_id": None, "created_at": 1.5},
        {"id": "m2", "role": "assistant", "content": "Hi", "parent_id": "m1"},
    ],
}
TRAINED = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]}
YAML = "model:\n  n_layer: 2\n  name: 'gpt' # small\n  betas: [0.9, 0.95]\nsteps:\n  - 1\n  - [a, 1]\n"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound checkpoints of every kind."""
    return write_seeds(tmp_path_factory.mktemp("seeds") / "sound")


def read(seeds: Path, count: int, *rest: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The finds of a reader's process, and its last line."""
    command = [sys.executable, "-m", "tests.faults.damaged_reader", str(seeds), "0", str(count), *rest]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert ended.returncode in (0, 1), ended.stderr[-2000:]
    *finds, summary = map(json.loads, ended.stdout.splitlines())
    return finds, summary


def test_every_damaged_checkpoint_is_listed_or_refused_in_words_in_little_memory(seeds: Path):
    finds, summary = read(seeds, EACH)
    assert finds == []
    assert summary["read"] == EACH * len(KINDS)
    assert summary["refused"] > EACH
    assert summary["peak_bytes"] < LARGEST_MEMORY


def test_every_damaged_checkpoint_loads_or_is_refused_in_words(seeds: Path):
    finds, summary = read(seeds, EACH_LOADED, LOAD, *LOADED)
    assert finds == []
    assert summary["refused"] > EACH_LOADED


@pytest.mark.parametrize("given", [EXPORTED, TRAINED], ids=["exported", "trained"])
def test_a_damaged_file_of_conversations_is_taken_or_refused_in_words(given: dict[str, Any]):
    raw, refused = json.dumps(given).encode(), 0
    assert imports.read(None, raw, 0)
    for number in range(600):
        try:
            imports.read(None, mutated(raw, number), 0)
        except InvalidRequest as error:
            assert error.message
            refused += 1
    assert 0 < refused < 600


def test_damaged_settings_are_read_or_refused_in_words():
    assert plain_yaml.parse(YAML)["model"]["n_layer"] == 2
    for number in range(1000):
        try:
            plain_yaml.parse(mutated(YAML.encode(), number).decode(errors="replace"))
        except CheckpointProblem as error:
            assert error.message


def test_the_same_number_makes_the_same_damage():
    data = bytes(range(256)) * 20
    assert [mutated(data, number) for number in range(50)] == [mutated(data, number) for number in range(50)]
    assert len({mutated(data, number) for number in range(50)}) > 45
