"""Packed numbers -> float32, block by block as GGUF lays them out. Only arithmetic: it opens no file.

Every packed encoding is brought to one form: whole numbers, times a scale, plus an offset, each scale and offset
serving a run of neighbours. The layouts are those of ggml's quantised types.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from engine.catalog.encodings import BLOCKS
from engine.errors import CheckpointProblem

NUMBERS_AT_ONCE = 1 << 18  # what is unpacked in one go stays inside a processor's cache

PLAIN: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
}

# Whole numbers (N, runs, width), scales (N, runs, 1) and offsets of the same shape where the encoding has them.
Parts = tuple[Tensor, Tensor, Tensor | None]


def dequantise(data: Tensor, encoding: str, shape: Sequence[int]) -> Tensor:
    """The numbers of `data`, bytes as a uint8 tensor of one dimension, as a float32 tensor of `shape`.

    F32 comes back as a view of the same bytes. Raises CheckpointProblem for an encoding that cannot be unpacked here
    and for bytes that do not fit the shape.
    """
    if encoding not in PLAIN and encoding not in PACKED:
        raise CheckpointProblem(
            f"numbers packed as {encoding} cannot be unpacked here",
            code="quantisation_not_supported",
            hint="Convert the checkpoint again with Q8_0.",
        )
    per_block, block_bytes = BLOCKS[encoding]
    count = math.prod(shape)
    if count % per_block or data.numel() != count // per_block * block_bytes:
        raise CheckpointProblem(
            f"{data.numel()} bytes of {encoding} cannot be a tensor of shape {tuple(shape)}", code="unsafe_file"
        )
    if encoding in PLAIN:
        return _plain(data, PLAIN[encoding]).view(*shape)
    return _packed(data.view(-1, block_bytes), PACKED[encoding], per_block).view(*shape)


def _plain(data: Tensor, dtype: torch.dtype) -> Tensor:
    if data.storage_offset() % dtype.itemsize:
        data = data.clone()
    return data.view(dtype).to(torch.float32)


def _packed(blocks: Tensor, unpack: Callable[[Tensor], Parts], per_block: int) -> Tensor:
    numbers = torch.empty(len(blocks), per_block, dtype=torch.float32)
    step = NUMBERS_AT_ONCE // per_block
    for first in range(0, len(blocks), step):
        quants, scales, offsets = unpack(blocks[first : first + step])
        out = numbers[first : first + step].view(quants.shape)  # (N, runs, width)
        torch.mul(quants, scales, out=out)
        if offsets is not None:
            out += offsets
    return numbers


def _half(pair: Tensor) -> Tensor:
    """(N, 2) bytes of a float16 -> (N, 1) float32"""
    return pair.contiguous().view(torch.float16).float()


def _planes(packed: Tensor, bits: int) -> Tensor:
    """Each byte cut into fields of `bits`, lowest first: (…, n) -> (…, 8 / bits, n)"""
    packed = packed.contiguous()
    return torch.stack([packed >> shift & (1 << bits) - 1 for shift in range(0, 8, bits)], dim=-2)


def _q4_0(blocks: Tensor) -> Parts:
    quants = _planes(blocks[:, 2:], 4).view(torch.int8) - 8  # (N, 2, 16)
    return quants, _half(blocks[:, :2])[:, None], None


def _q4_1(blocks: Tensor) -> Parts:
    scale, offset = _half(blocks[:, :2]), _half(blocks[:, 2:4])
    return _planes(blocks[:, 4:], 4), scale[:, None], offset[:, None]


def _q5(high: Tensor, low: Tensor) -> Tensor:
    """(N, 4) fifth bits and (N, 16) low nibbles -> (N, 1, 32) from 0 to 31"""
    fifth = _planes(high, 1).transpose(1, 2).flatten(1)  # (N, 32)
    return (_planes(low, 4).flatten(1) | fifth << 4)[:, None]


def _q5_0(blocks: Tensor) -> Parts:
    quants = _q5(blocks[:, 2:6], blocks[:, 6:]).view(torch.int8) - 16
    return quants, _half(blocks[:, :2])[:, None], None


def _q5_1(blocks: Tensor) -> Parts:
    scale, offset = _half(blocks[:, :2]), _half(blocks[:, 2:4])
    return _q5(blocks[:, 4:8], blocks[:, 8:]), scale[:, None], offset[:, None]


def _q8_0(blocks: Tensor) -> Parts:
    return blocks[:, None, 2:].view(torch.int8), _half(blocks[:, :2])[:, None], None


def _q2_k(blocks: Tensor) -> Parts:
    levels = _planes(blocks[:, :16], 4)  # (N, 2, 16): scales, then minima
    quants = _planes(blocks[:, 16:80].unflatten(1, (2, 32)), 2)  # (N, 2, 4, 32)
    scales, minima = _half(blocks[:, 80:82]) * levels[:, 0], _half(blocks[:, 82:84]) * levels[:, 1]  # (N, 16)
    return quants.reshape(-1, 16, 16), scales[:, :, None], -minima[:, :, None]


def _q3_k(blocks: Tensor) -> Parts:
    third = _planes(blocks[:, :32], 1).reshape(-1, 16, 16)
    low = _planes(blocks[:, 32:96].unflatten(1, (2, 32)), 2).reshape(-1, 16, 16)
    levels = _planes(blocks[:, 96:104], 4).flatten(1) | _planes(blocks[:, 104:108], 2).flatten(1) << 4  # (N, 16)
    scales = _half(blocks[:, 108:]) * (levels.view(torch.int8) - 32)
    return (low | third << 2).view(torch.int8) - 4, scales[:, :, None], None


def _k_scales(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Scales and offsets (N, 8, 1) of Q4_K and Q5_K: twelve bytes hold eight pairs of six bits."""
    first, second, rest = blocks[:, 4:16].unflatten(1, (3, 4)).unbind(1)  # each (N, 4)
    levels = torch.cat((first & 63, rest & 15 | first >> 6 << 4), dim=1)  # (N, 8)
    minima = torch.cat((second & 63, rest >> 4 | second >> 6 << 4), dim=1)  # (N, 8)
    scales, offsets = _half(blocks[:, :2]) * levels, -(_half(blocks[:, 2:4]) * minima)
    return scales[:, :, None], offsets[:, :, None]


def _q4_k(blocks: Tensor) -> Parts:
    quants = _planes(blocks[:, 16:].unflatten(1, (4, 32)), 4)  # (N, 4, 2, 32)
    return quants.flatten(1, 2), *_k_scales(blocks)


def _q5_k(blocks: Tensor) -> Parts:
    fifth = _planes(blocks[:, 16:48], 1)  # (N, 8, 32)
    low = _planes(blocks[:, 48:].unflatten(1, (4, 32)), 4).flatten(1, 2)  # (N, 8, 32)
    return low | fifth << 4, *_k_scales(blocks)


def _q6_k(blocks: Tensor) -> Parts:
    low = _planes(blocks[:, :128].unflatten(1, (2, 64)), 4).flatten(1)  # (N, 256)
    high = _planes(blocks[:, 128:192].unflatten(1, (2, 32)), 2).flatten(1)  # (N, 256)
    quants = (low | high << 4).view(torch.int8) - 32
    scales = _half(blocks[:, 208:]) * blocks[:, 192:208].view(torch.int8)
    return quants.view(-1, 16, 16), scales[:, :, None], None


def _curve(indices: Tensor) -> Tensor:
    """The sixteen values of the non-linear four-bit types, denser near zero."""
    values = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
    return torch.tensor(values, dtype=torch.int8)[indices.int()]


def _iq4_nl(blocks: Tensor) -> Parts:
    return _curve(_planes(blocks[:, 2:], 4)), _half(blocks[:, :2])[:, None], None


def _iq4_xs(blocks: Tensor) -> Parts:
    high = _planes(blocks[:, 2:4], 2).transpose(1, 2).flatten(1)  # (N, 8)
    low = _planes(blocks[:, 4:8], 4).transpose(1, 2).flatten(1)  # (N, 8)
    scales = _half(blocks[:, :2]) * ((low | high << 4).view(torch.int8) - 32)
    quants = _curve(_planes(blocks[:, 8:].unflatten(1, (8, 16)), 4))  # (N, 8, 2, 16)
    return quants.flatten(2), scales[:, :, None], None


def _mxfp4(blocks: Tensor) -> Parts:
    """Four-bit floating numbers, here doubled, that share a power of two."""
    doubled = torch.tensor((0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12), dtype=torch.int8)
    scales = torch.ldexp(torch.ones(len(blocks), 1, 1), blocks[:, :1, None].int() - 128)
    return doubled[_planes(blocks[:, 1:], 4).int()], scales, None


def _tq2_0(blocks: Tensor) -> Parts:
    """-1, 0 and 1 in two bits each."""
    quants = _planes(blocks[:, :64].unflatten(1, (2, 32)), 2)  # (N, 2, 4, 32)
    return quants.flatten(1, 2).view(torch.int8) - 1, _half(blocks[:, 64:])[:, None], None


PACKED: Mapping[str, Callable[[Tensor], Parts]] = {
    "Q4_0": _q4_0,
    "Q4_1": _q4_1,
    "Q5_0": _q5_0,
    "Q5_1": _q5_1,
    "Q8_0": _q8_0,
    "Q2_K": _q2_k,
    "Q3_K": _q3_k,
    "Q4_K": _q4_k,
    "Q5_K": _q5_k,
    "Q6_K": _q6_k,
    "IQ4_NL": _iq4_nl,
    "IQ4_XS": _iq4_xs,
    "MXFP4": _mxfp4,
    "TQ2_0": _tq2_0,
}
