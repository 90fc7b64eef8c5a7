"""The estimate of a checkpoint's memory follows its precision."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import estimate as module
from engine.catalog.info import CheckpointInfo
from engine.estimate import WORKER_BYTES, estimate

INFO = CheckpointInfo("a", Path("a"), "a", "gguf", parameters=1_000_000, kv_bytes_per_token=400, context_length=1000)


@pytest.mark.parametrize(
    ("precision", "weights", "per_token"),
    [("float32", 4_000_000, 400), ("bfloat16", 2_000_000, 200), ("float16", 2_000_000, 200), ("int8", 1_125_000, 400)],
)
def test_weights_and_cache_follow_the_precision(precision: str, weights: int, per_token: int) -> None:
    found = estimate(INFO, precision, "cpu", 10**9)
    assert (found.weights_bytes, found.kv_bytes_per_token) == (weights, per_token)
    assert found.total_bytes == weights + 1000 * per_token + WORKER_BYTES
    assert found.fits


def test_what_does_not_fit_says_so() -> None:
    assert not estimate(INFO, "float32", "cpu", 1000).fits


def test_auto_is_estimated_as_what_it_will_become(monkeypatch: pytest.MonkeyPatch) -> None:
    assert estimate(INFO, "auto", "cuda:0", 10**9).weights_bytes == 2_000_000
    monkeypatch.setattr(module, "find_compiler", lambda: "/usr/bin/cc")
    assert estimate(INFO, "auto", "auto", 10**9).weights_bytes == 1_125_000
    monkeypatch.setattr(module, "find_compiler", lambda: None)
    assert estimate(INFO, "auto", "auto", 10**9).weights_bytes == 4_000_000
