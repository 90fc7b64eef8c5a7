"""The estimate of a checkpoint's memory follows its precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine import estimate as module
from engine.catalog.info import CheckpointInfo
from engine.estimate import TOKENIZER_BYTES, estimate, worker_bytes

INFO = CheckpointInfo("a", Path("a"), "a", "gguf", parameters=1_000_000, kv_bytes_per_token=400, context_length=1000)


@pytest.mark.parametrize(
    ("precision", "weights", "per_token"),
    [("float32", 4_000_000, 400), ("bfloat16", 2_000_000, 200), ("float16", 2_000_000, 200), ("int8", 1_125_000, 400)],
)
def test_weights_and_cache_follow_the_precision(precision: str, weights: int, per_token: int) -> None:
    found = estimate(INFO, precision, "cpu", 10**9)
    assert (found.weights_bytes, found.kv_bytes_per_token) == (weights, per_token)
    assert found.total_bytes == weights + 1000 * per_token + worker_bytes()
    assert found.fits


def test_what_does_not_fit_says_so() -> None:
    assert not estimate(INFO, "float32", "cpu", 1000).fits


def test_auto_is_estimated_as_what_it_will_become(monkeypatch: pytest.MonkeyPatch) -> None:
    assert estimate(INFO, "auto", "cuda:0", 10**9).weights_bytes == 2_000_000
    monkeypatch.setattr(module, "find_compiler", lambda: "/usr/bin/cc")
    assert estimate(INFO, "auto", "auto", 10**9).weights_bytes == 1_125_000
    monkeypatch.setattr(module, "find_compiler", lambda: None)
    assert estimate(INFO, "auto", "auto", 10**9).weights_bytes == 4_000_000


def test_a_large_vocabulary_has_a_large_tokenizer() -> None:
    larger = replace(INFO, vocab_size=50_000)
    assert _total(larger) - _total(INFO) == 50_000 * TOKENIZER_BYTES


def test_what_is_in_four_bits_already_stays_there() -> None:
    file = replace(INFO, dtype="Q4_1", weights_bytes=625_000)
    assert 625_000 <= estimate(file, "int8", "cpu", 10**9).weights_bytes < 660_000
    assert estimate(file, "float32", "cpu", 10**9).weights_bytes == 4_000_000


def test_experts_that_stay_in_float32_are_estimated_so() -> None:
    mixture = replace(INFO, float32_parameters=900_000)
    assert estimate(mixture, "int8", "cpu", 10**9).weights_bytes == 100_000 * 1.125 + 900_000 * 4
    assert estimate(mixture, "bfloat16", "cpu", 10**9).weights_bytes == 2_000_000


def _total(info: CheckpointInfo) -> int:
    return estimate(info, "int8", "cpu", 10**9).total_bytes
