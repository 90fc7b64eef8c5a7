"""Matrices that are packed, or kept in parts -> float32, each scheme by its own arithmetic. It opens no file.

A scheme gets its sources by their part ("weights", "scales", …), the numbers that its catalog entry holds, and the
shape that must come out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.errors import CheckpointProblem

WORD = 32
AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)  # which of eight nibbles, lowest first, is the n-th column
FP4 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0)

Sources = Mapping[str, Tensor]
Numbers = Mapping[str, Any]


def unpack(scheme: str, sources: Sources, numbers: Numbers, shape: Sequence[int]) -> Tensor:
    """The matrix as float32 of that shape. Raises CheckpointProblem where the sources do not fit each other."""
    try:
        matrix = SCHEMES[scheme](sources, numbers)
    except (RuntimeError, IndexError) as error:
        raise _unfit(scheme, sources, str(error)) from error
    if tuple(matrix.shape) != tuple(shape):
        raise _unfit(scheme, sources, f"they make {tuple(matrix.shape)} instead of {tuple(shape)}")
    return matrix


def fields(words: Tensor, bits: int) -> Tensor:
    """Numbers of 2, 3, 4 or 8 bits that lie one after the other down the columns: (n, columns) int32 to uint8.

    (n * 32 / bits, columns) come out. With three bits some reach from one word into the next.
    """
    rows = bits // math.gcd(bits, WORD)
    groups = (words.to(torch.int64) & 0xFFFFFFFF).view(-1, rows, words.shape[1])
    pieces = []
    for place in range(0, rows * WORD, bits):
        word, shift = divmod(place, WORD)
        piece = groups[:, word] >> shift
        if shift + bits > WORD:
            piece = piece | groups[:, word + 1] << WORD - shift
        pieces.append((piece & (1 << bits) - 1).to(torch.uint8))
    return torch.stack(pieces, dim=1).view(-1, words.shape[1])


def _gptq(sources: Sources, numbers: Numbers) -> Tensor:
    """(in, out) by groups of inputs; version 1 keeps each zero point less one (arXiv:2210.17323, AutoGPTQ's files).

    Some files of version 2 say that they are of version 1: zero points in the middle, as symmetric ones are, tell.
    """
    bits, size = numbers["bits"], numbers["group_size"]
    weights = fields(sources["weights"], bits)  # (in, out)
    zeros = fields(sources["zeros"].t().contiguous(), bits).t()[:, : weights.shape[1]]  # (groups, out)
    if zeros.shape != sources["scales"].shape:
        raise IndexError("as many zero points must there be as scales")
    is_whole = numbers["is_symmetric"] and bool((zeros == 1 << bits - 1).all())
    zeros = zeros.float() + (0 if is_whole else numbers["zero_offset"])
    groups = sources.get("groups")
    places = torch.arange(len(weights)) // size if groups is None else groups.long()  # (in,)
    if places.numel() and int(places.min()) < 0:
        raise IndexError("an input belongs to a group below 0")
    matrix = (weights.float() - zeros[places]) * sources["scales"].float()[places]
    return matrix.t()


def _awq(sources: Sources, numbers: Numbers) -> Tensor:
    """(in, out) by groups of inputs, eight columns to a word in AWQ's own order (arXiv:2306.00978, "gemm" files)."""
    weights, zeros = _nibbles(sources["weights"]), _nibbles(sources["zeros"])  # (in, out), (groups, out)
    per_group = numbers["group_size"]
    scales = sources["scales"].float()  # (groups, out)
    grouped = weights.view(-1, per_group, weights.shape[1]).float()  # (groups, group_size, out)
    if not grouped.shape[::2] == zeros.shape == scales.shape:
        raise IndexError("as many groups of scales and of zero points must there be as of weights")
    return ((grouped - zeros.float()[:, None]) * scales[:, None]).flatten(0, 1).t()


def _nibbles(words: Tensor) -> Tensor:
    """(n, columns / 8) int32 -> (n, columns) uint8, in AWQ's order"""
    pieces = torch.stack([(words >> 4 * place & 15).to(torch.uint8) for place in AWQ_ORDER], dim=-1)
    return pieces.flatten(1)


def _code_book(sources: Sources, numbers: Numbers) -> Tensor:
    """nf4 and fp4 of bitsandbytes: sixteen values, the first of two in the high half of a byte (arXiv:2305.14314)."""
    largest = sources["largest"]
    if "inner_largest" in sources:
        inner = sources["inner_largest"].float().repeat_interleave(numbers["inner_block"])[: largest.numel()]
        largest = sources["inner_values"].float()[largest.flatten().long()] * inner + numbers["inner_offset"]
    packed = sources["weights"].flatten()
    places = torch.stack((packed >> 4, packed & 15), dim=1).flatten()[: math.prod(numbers["shape"])]
    values = sources["values"].float()[places.int()]
    scales = largest.float().flatten().repeat_interleave(numbers["block"])[: values.numel()]
    return values.mul_(scales).view(numbers["shape"])


def _scaled(sources: Sources, numbers: Numbers) -> Tensor:
    """Whole numbers or fp8 times scales: one for all, one a row, or one for each block of rows and columns."""
    weights, scales = sources["weights"].float(), sources["scales"].float() * numbers.get("factor", 1.0)
    if scales.numel() == 1:
        return weights * scales.view(())
    if scales.dim() == 1:
        return weights * scales[:, None]
    rows, columns = numbers.get("block") or _even_blocks(weights, scales)
    wide = scales.repeat_interleave(columns, dim=1)[:, : weights.shape[1]]  # (blocks, in)
    for first in range(0, len(weights), rows):
        weights[first : first + rows] *= wide[first // rows]
    return weights


def _even_blocks(weights: Tensor, scales: Tensor) -> tuple[int, int]:
    if weights.shape[0] % scales.shape[0] or weights.shape[1] % scales.shape[1]:
        raise IndexError(f"{tuple(scales.shape)} scales do not divide {tuple(weights.shape)} weights evenly")
    return weights.shape[0] // scales.shape[0], weights.shape[1] // scales.shape[1]


def _words(sources: Sources, numbers: Numbers) -> Tensor:
    """compressed-tensors' "pack-quantized": words along the inputs, lowest first, each number above its least."""
    bits, (rows, columns) = numbers["bits"], numbers["shape"]
    least = 1 << bits - 1
    weights = fields(sources["weights"].t().contiguous(), bits).t()[:rows, :columns].float() - least
    scales = sources["scales"].float().view(rows, -1)  # (out, groups)
    groups = sources.get("groups")
    size = -(-columns // scales.shape[1])
    places = torch.arange(columns) // size if groups is None else groups.long()
    if "zeros" in sources:
        zeros = fields(sources["zeros"], bits)[:rows].float() - least  # (out, groups)
        weights -= zeros[:, places]
    return weights * scales[:, places]


def _mxfp4(sources: Sources, numbers: Numbers) -> Tensor:
    """(experts, out, blocks, 16) bytes and a power of two for each block -> (experts, in, out) (OCP MX 1.0)."""
    blocks, powers = sources["weights"], sources["scales"]
    experts, rows, count, _ = blocks.shape
    values = torch.tensor(FP4)
    out = torch.empty(experts, count * 32, rows)
    for expert in range(experts):
        pair = torch.stack((blocks[expert] & 15, blocks[expert] >> 4), dim=-1).flatten(-2)  # (out, blocks, 32)
        scaled = torch.ldexp(values[pair.int()], powers[expert].int()[..., None] - 127)
        out[expert] = scaled.flatten(1).t()
    return out


def _in_turns(sources: Sources, numbers: Numbers) -> Tensor:
    """Gates and ups as (experts, out, in), or (experts, out), -> (experts, in, 2 out), gates and ups in turns."""
    joined = torch.stack((sources["gate"].float(), sources["up"].float()), dim=2).flatten(1, 2)
    return joined.transpose(1, 2) if joined.dim() == 3 else joined


def _turned(sources: Sources, numbers: Numbers) -> Tensor:
    """(experts, out, in) -> (experts, in, out)"""
    return sources["matrix"].float().transpose(1, 2)


def _latent(sources: Sources, numbers: Numbers) -> Tensor:
    """Keys (heads, latent, width) and values (heads, width, latent) -> rows of one head after the other."""
    keys, values = sources["keys"].float().transpose(1, 2), sources["values"].float()
    return torch.cat((keys, values), dim=1).flatten(0, 1)


def _unfit(scheme: str, sources: Sources, why: str) -> CheckpointProblem:
    shapes = ", ".join(f"{part} {tuple(tensor.shape)}" for part, tensor in sources.items())
    return CheckpointProblem(
        f"the parts of a matrix in {scheme} ({shapes}) do not fit each other: {why[:200]}",
        code="shape_mismatch",
        hint="What says how the weights are packed belongs to another model, or was edited.",
    )


SCHEMES: Mapping[str, Callable[[Sources, Numbers], Tensor]] = {
    "gptq": _gptq,
    "awq": _awq,
    "code book": _code_book,
    "scaled": _scaled,
    "words": _words,
    "mxfp4": _mxfp4,
    "in turns": _in_turns,
    "turned": _turned,
    "latent": _latent,
}
