"""Slots grow, are copied and given back; those of a fixed cache are there from the beginning and hold numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from engine.cache import SMALLEST_CAPACITY, FixedCache, KVCache


@pytest.fixture(autouse=True)
def as_in_a_step() -> Iterator[None]:
    """Slots are written where they are computed, without gradients."""
    with torch.inference_mode():
        yield


def sizes(context: int = 600) -> dict[str, object]:
    shape = {"slots": 3, "layers": 2, "kv_heads": 2, "head_dim": 4, "context_length": context}
    return shape | {"dtype": torch.float32, "device": torch.device("cpu")}


def test_a_slot_doubles_until_its_context_is_full_and_keeps_what_it_has() -> None:
    cache = KVCache(**sizes())
    first = cache.slot(0, 10)
    first.fill_(1.0)
    grown = cache.slot(0, SMALLEST_CAPACITY + 1)
    assert [first.shape[3], grown.shape[3], cache.slot(0, 600).shape[3]] == [SMALLEST_CAPACITY, 512, 600]
    assert grown[..., :SMALLEST_CAPACITY, :].eq(1.0).all()
    assert cache.bytes == 600 * cache.bytes_per_token


def test_a_run_that_needs_nothing_of_a_slot_gives_its_memory_back() -> None:
    cache = KVCache(**sizes())
    cache.slot(1, 10)
    cache.keep(1, 5)
    assert cache.bytes > 0
    cache.keep(1, 0)
    assert cache.bytes == 0


@pytest.mark.parametrize("kind", [KVCache, FixedCache])
def test_a_beginning_is_copied_from_slot_to_slot(kind: type[KVCache]) -> None:
    cache = kind(**sizes())
    cache.slot(0, 20)[..., :20, :] = 3.0
    cache.copy(0, 2, 15)
    assert cache.slot(2, 15)[..., :15, :].eq(3.0).all()


def test_a_fixed_cache_neither_moves_nor_grows() -> None:
    cache = FixedCache(**sizes())
    before, held = cache.slot(1, 3).data_ptr(), cache.bytes
    assert cache.slot(1, 600).data_ptr() == before
    assert held == cache.bytes == 4 * 600 * cache.bytes_per_token
    assert cache.capacity(3) == 600
    assert [cache.places(length) for length in (1, 257, 513)] == [256, 512, 600]
    assert cache.spare == 3


def test_what_a_slot_of_a_fixed_cache_is_rid_of_is_no_longer_there() -> None:
    cache = FixedCache(**sizes())
    for index in range(3):
        cache.slot(index, 600).fill_(float("nan"))
    cache.keep(0, 4)
    cache.drop(1)
    assert cache.slot(0, 600)[..., :4, :].isnan().all()
    assert cache.slot(0, 600)[..., 4:, :].eq(0).all()
    assert cache.slot(1, 600).eq(0).all()
    assert cache.slot(2, 600).isnan().all(), "the others stay as they are"
