"""Tiny Llamas quantised as the usual tools write them, and the matrices that they must come back as.

Packing goes number by number through Python's whole numbers, so that it shares nothing with the unpacking.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.tiny import write_checkpoint

GROUP = 32
AWQ_COLUMNS = (0, 2, 4, 6, 1, 3, 5, 7)  # which of eight columns lies in the n-th nibble
NF4_BLOCK = 64
FP8_BLOCK = (40, 48)

Parts = dict[str, Tensor]
Packer = Callable[[Tensor], tuple[Parts, Tensor]]


def words(numbers: list[int], bits: int) -> list[int]:
    """The numbers one after the other, lowest first, in signed words of 32 bits."""
    stream = sum(number << bits * place for place, number in enumerate(numbers))
    cut = [stream >> 32 * place & 0xFFFFFFFF for place in range(-(-len(numbers) * bits // 32))]
    return [word - (1 << 32) if word >= 1 << 31 else word for word in cut]


def packed_rows(numbers: Tensor, bits: int) -> Tensor:
    """(n, m) whole numbers -> (n, words) int32, each row by itself"""
    return torch.tensor([words(row, bits) for row in numbers.tolist()], dtype=torch.int32)


def in_groups(weight: Tensor, bits: int, is_symmetric: bool, order: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Whole numbers (out, in), scales and zero points (out, groups); `order` (in,) says each input's group."""
    top, groups = (1 << bits) - 1, int(order.max()) + 1
    numbers, scales, zeros = torch.empty_like(weight), [], []
    for group in range(groups):
        part = weight[:, order == group]
        low, high = part.amin(1), part.amax(1)
        if is_symmetric:
            low, high = -part.abs().amax(1), part.abs().amax(1)
        scale = ((high - low) / top).half().float()
        zero = torch.full_like(scale, (top + 1) // 2) if is_symmetric else (-low / scale).round().clamp(1, top)
        numbers[:, order == group] = (part / scale[:, None] + zero[:, None]).round().clamp(0, top)
        scales.append(scale)
        zeros.append(zero)
    return numbers.int(), torch.stack(scales, 1), torch.stack(zeros, 1).int()


def exact(numbers: Tensor, scales: Tensor, zeros: Tensor, order: Tensor) -> Tensor:
    """What the whole numbers stand for."""
    return (numbers - zeros[:, order]).float() * scales[:, order]


def gptq(bits: int = 4, *, symmetric: bool = False, version: int = 1, shuffled: bool = False) -> Packer:
    """GPTQ's parts; `shuffled` inputs belong to groups in no order, as with desc_act."""

    def pack(weight: Tensor) -> tuple[Parts, Tensor]:
        order = torch.arange(weight.shape[1]) // GROUP
        if shuffled:
            order = order[torch.randperm(len(order), generator=torch.Generator().manual_seed(2))]
        numbers, scales, zeros = in_groups(weight, bits, symmetric, order)
        parts = {
            "qweight": packed_rows(numbers, bits).t().contiguous(),
            "qzeros": packed_rows((zeros - int(version == 1)).t(), bits),
            "scales": scales.t().contiguous().half(),
            "g_idx": order.int(),
        }
        return parts, exact(numbers, scales, zeros, order)

    return pack


def awq(weight: Tensor) -> tuple[Parts, Tensor]:
    """AWQ's parts in the form "gemm"."""
    order = torch.arange(weight.shape[1]) // GROUP
    numbers, scales, zeros = in_groups(weight, 4, False, order)

    def mixed(rows: Tensor) -> Tensor:
        eights = rows.view(len(rows), -1, 8)[:, :, list(AWQ_COLUMNS)]
        return packed_rows(eights.reshape(len(rows), -1), 4)

    parts = {"qweight": mixed(numbers.t().contiguous()), "qzeros": mixed(zeros.t().contiguous())}
    return parts | {"scales": scales.t().contiguous().half()}, exact(numbers, scales, zeros, order)


def four_bits(*, nested: bool) -> Packer:
    """bitsandbytes' parts with a code book of its own; `nested` packs the largest numbers of the blocks too."""
    values = torch.linspace(-1, 1, 16) ** 3

    def pack(weight: Tensor) -> tuple[Parts, Tensor]:
        blocks = weight.reshape(-1, NF4_BLOCK)
        largest = blocks.abs().amax(1)
        places = (blocks[..., None] / largest[:, None, None] - values).abs().argmin(-1)  # (blocks, NF4_BLOCK)
        pairs = places.flatten().view(-1, 2)
        parts = {"weight": (pairs[:, 0] * 16 + pairs[:, 1]).to(torch.uint8)[:, None], "weight.quant_map": values}
        state: dict[str, Any] = {"quant_type": "nf4", "blocksize": NF4_BLOCK, "dtype": "float32"}
        state["shape"] = list(weight.shape)
        if nested:
            inner_values, offset = torch.linspace(-1, 1, 256), largest.mean().item()
            span = (largest - offset).abs().max()
            codes = ((largest - offset)[:, None] / span - inner_values).abs().argmin(1)
            largest = inner_values[codes] * span + offset
            parts |= {"weight.absmax": codes.to(torch.uint8), "weight.nested_absmax": span[None]}
            parts["weight.nested_quant_map"] = inner_values
            state |= {"nested_blocksize": 256, "nested_offset": offset, "nested_dtype": "float32"}
        else:
            parts["weight.absmax"] = largest
        said = torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)
        parts["weight.quant_state.bitsandbytes__nf4"] = said
        return parts, (values[places] * largest[:, None]).view(weight.shape)

    return pack


def eight_bits(weight: Tensor) -> tuple[Parts, Tensor]:
    """bitsandbytes' int8 rows."""
    largest = weight.abs().amax(1)
    numbers = (weight / largest[:, None] * 127).round().to(torch.int8)
    return {"weight": numbers, "SCB": largest}, numbers.float() * largest[:, None] / 127


def fp8_blocks(weight: Tensor) -> tuple[Parts, Tensor]:
    """fp8 with a scale for each block, the last ones cut off by the edge, as DeepSeek writes it."""
    rows, columns = (torch.arange(size) // block for size, block in zip(weight.shape, FP8_BLOCK, strict=True))
    scales = torch.empty(int(rows.max()) + 1, int(columns.max()) + 1)
    for row, column in ((r, c) for r in range(scales.shape[0]) for c in range(scales.shape[1])):
        scales[row, column] = weight[rows == row][:, columns == column].abs().max() / 448
    wide = scales[rows][:, columns]
    numbers = (weight / wide).to(torch.float8_e4m3fn)
    return {"weight": numbers, "weight_scale_inv": scales}, numbers.float() * wide


def scaled(dtype: torch.dtype, name: str, *, by_row: bool) -> Packer:
    """fp8 or int8 with one scale for each row or for the whole matrix."""
    largest_number = 127 if dtype == torch.int8 else 448

    def pack(weight: Tensor) -> tuple[Parts, Tensor]:
        largest = weight.abs().amax(1, keepdim=True) if by_row else weight.abs().max()
        scale = (largest / largest_number).reshape((-1, 1) if by_row else (1,))
        numbers = (weight / scale).round() if dtype == torch.int8 else weight / scale
        numbers = numbers.to(dtype)
        return {"weight": numbers, name: scale}, numbers.float() * scale

    return pack


def compressed_words(bits: int = 4, *, symmetric: bool = True) -> Packer:
    """compressed-tensors' words along the inputs."""

    def pack(weight: Tensor) -> tuple[Parts, Tensor]:
        order = torch.arange(weight.shape[1]) // GROUP
        numbers, scales, zeros = in_groups(weight, bits, symmetric, order)
        parts = {"weight_packed": packed_rows(numbers, bits), "weight_scale": scales}
        parts["weight_shape"] = torch.tensor(weight.shape)
        if not symmetric:
            parts["weight_zero_point"] = packed_rows(zeros.t(), bits).t().contiguous()
        return parts, exact(numbers, scales, zeros, order)

    return pack


def write_quantised(folder: Path, pack: Packer, settings: dict[str, Any]) -> tuple[Path, Path]:
    """A Llama whose layers' matrices are packed, and beside it the same one unpacked."""
    packed = write_checkpoint(folder / "packed", quantization_config=settings)
    plain = write_checkpoint(folder / "plain")
    stored, meant = {}, {}
    for name, tensor in load_file(packed / "model.safetensors").items():
        stored[name] = meant[name] = tensor
        if name.endswith("_proj.weight"):
            parts, matrix = pack(tensor)
            del stored[name]
            stored |= {f"{name.removesuffix('weight')}{part}": value for part, value in parts.items()}
            meant[name] = matrix.contiguous()
    save_file({name: tensor.clone().contiguous() for name, tensor in stored.items()}, packed / "model.safetensors")
    save_file(meant, plain / "model.safetensors")
    return packed, plain
