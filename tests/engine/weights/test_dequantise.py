"""Unpacked numbers are, bit for bit, those of the reference implementation in the gguf package."""

from __future__ import annotations

import numpy
import pytest
import torch
from gguf import GGMLQuantizationType
from gguf.quants import dequantize

from engine.catalog.encodings import BLOCKS, UNREADABLE
from engine.errors import CheckpointProblem
from engine.weights import dequantise as module
from engine.weights.dequantise import PACKED, PLAIN, dequantise

# Where the float16 numbers of a block lie: only finite ones can be compared bit for bit.
HALVES = {"Q4_1": (0, 2), "Q5_1": (0, 2), "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2)}
HALVES |= {"Q6_K": (208,), "TQ2_0": (64,), "MXFP4": ()}


def random_blocks(encoding: str, rows: int, per_row: int) -> numpy.ndarray:
    """Random bytes (rows, per_row * block size) whose scales and offsets are finite."""
    size = BLOCKS[encoding][1]
    generator = numpy.random.default_rng(len(encoding) * size)
    blocks = generator.integers(0, 256, (rows * per_row, size), dtype=numpy.uint8)
    for place in HALVES.get(encoding, (0,)):
        values = generator.normal(0, 3, len(blocks)).astype(numpy.float16)
        blocks[:, place : place + 2] = values.view(numpy.uint8).reshape(-1, 2)
    if encoding == "MXFP4":
        blocks[:, 0] = generator.integers(0, 250, len(blocks))  # Powers of two that overflow nothing.
    return blocks.reshape(rows, per_row * size)


@pytest.mark.parametrize("encoding", sorted(PACKED))
def test_packed_numbers_are_those_of_the_reference_bit_for_bit(encoding: str) -> None:
    rows = random_blocks(encoding, rows=24, per_row=3)
    wanted = dequantize(rows, GGMLQuantizationType[encoding])
    found = dequantise(torch.from_numpy(rows.reshape(-1)), encoding, wanted.shape)
    assert found.dtype == torch.float32 and tuple(found.shape) == wanted.shape
    assert (found.numpy().view(numpy.int32) == wanted.view(numpy.int32)).all()


@pytest.mark.parametrize("encoding", sorted(PACKED))
def test_unpacking_in_many_small_steps_changes_nothing(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = random_blocks(encoding, rows=5, per_row=1)
    shape = (5, BLOCKS[encoding][0])
    data = torch.from_numpy(rows.reshape(-1))
    whole = dequantise(data, encoding, shape)
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 2 * BLOCKS[encoding][0])
    assert torch.equal(dequantise(data, encoding, shape), whole)


@pytest.mark.parametrize("dtype", PLAIN.values(), ids=PLAIN.keys())
def test_plain_numbers_keep_their_values(dtype: torch.dtype) -> None:
    encoding = next(name for name, known in PLAIN.items() if known == dtype)
    numbers = torch.tensor([[0.0, 1.0, -2.0], [100.0, -128.0, 64.0]]).to(dtype)
    assert torch.equal(dequantise(numbers.view(-1).view(torch.uint8), encoding, (2, 3)), numbers.float())


def test_plain_numbers_may_begin_at_an_odd_byte() -> None:
    shifted = torch.cat((torch.zeros(1, dtype=torch.uint8), torch.tensor([1.5, -3.0]).view(torch.uint8)))
    assert dequantise(shifted[1:], "F32", (2,)).tolist() == [1.5, -3.0]


def test_every_encoding_is_either_unpacked_or_said_to_be_unreadable() -> None:
    assert set(BLOCKS) - UNREADABLE == set(PLAIN) | set(PACKED)


def test_an_encoding_that_cannot_be_unpacked_is_refused_by_name() -> None:
    with pytest.raises(CheckpointProblem, match="IQ2_XS") as refusal:
        dequantise(torch.zeros(74, dtype=torch.uint8), "IQ2_XS", (256,))
    assert refusal.value.code == "quantisation_not_supported"


@pytest.mark.parametrize(("length", "shape"), [(33, (32,)), (68, (32,)), (34, (2, 16, 2)), (0, (31,))])
def test_bytes_that_do_not_fit_the_shape_are_refused(length: int, shape: tuple[int, ...]) -> None:
    with pytest.raises(CheckpointProblem, match="Q8_0"):
        dequantise(torch.zeros(length, dtype=torch.uint8), "Q8_0", shape)
