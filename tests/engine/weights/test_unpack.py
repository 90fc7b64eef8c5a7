"""Schemes of quantisation that have a reference of their own give its numbers; bits lie where they were put."""

from __future__ import annotations

import pytest
import torch
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from engine.errors import CheckpointProblem
from engine.weights.unpack import fields, unpack
from tests.quantised_files import packed_rows


def random_bytes(*shape: int, low: int = 0, high: int = 256) -> torch.Tensor:
    return torch.randint(low, high, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(4))


def test_mxfp4_gives_the_references_numbers_bit_for_bit() -> None:
    sources = {"weights": random_bytes(3, 20, 4, 16), "scales": random_bytes(3, 20, 4, low=100, high=150)}
    expected = convert_moe_packed_tensors(sources["weights"], sources["scales"], dtype=torch.float32)
    assert torch.equal(unpack("mxfp4", sources, {}, (3, 128, 20)), expected)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_fields_come_back_as_they_were_packed(bits: int) -> None:
    numbers = random_bytes(5, 64, high=1 << bits)
    assert torch.equal(fields(packed_rows(numbers, bits).t().contiguous(), bits), numbers.t())


def test_two_rows_of_scales_for_five_rows_of_weights_are_refused() -> None:
    sources = {"weights": torch.ones(5, 4), "scales": torch.ones(2, 1)}
    with pytest.raises(CheckpointProblem, match="do not divide"):
        unpack("scaled", sources, {}, (5, 4))


def test_a_group_that_does_not_exist_is_refused() -> None:
    sources = {
        "weights": torch.zeros(4, 8, dtype=torch.int32),
        "zeros": torch.zeros(1, 1, dtype=torch.int32),
        "scales": torch.ones(1, 8),
        "groups": torch.full((32,), -1, dtype=torch.int32),
    }
    numbers = {"bits": 4, "group_size": 32, "zero_offset": 1, "is_symmetric": False}
    with pytest.raises(CheckpointProblem, match="group below 0"):
        unpack("gptq", sources, numbers, (8, 32))
