"""A real server process over real tiny models, for the tests of what is measured outside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from bench.serving import Server, serving
from tests.tiny import write_checkpoint

# Wide and deep enough that a step takes milliseconds, so that a stopwatch has something to measure.
SLOW = {
    "hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 4, "head_dim": 64, "max_position_embeddings": 2048,
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over `quick`, `other` and `slow`, in float32."""
    root = tmp_path_factory.mktemp("served")
    for name, changes in (("quick", {}), ("other", {}), ("slow", SLOW)):
        write_checkpoint(root / name, **{"max_position_embeddings": 2048, "eos_token_id": None, **changes})
        _speak_plainly(root / name / "model.safetensors")
    flags = ["--checkpoints", str(root), "--cache-directory", str(root / "cache"), "--threads", "1"]
    with serving("chat", *flags, "--precision", "float32") as server:
        yield server


def _speak_plainly(weights: Path) -> None:
    """Let a model say printable ASCII alone, its first 94 tokens: each is text at once, none waits for others."""
    tensors = load_file(weights)
    tensors["lm_head.weight"][94:] = 0
    save_file(tensors, weights, metadata={"format": "pt"})
