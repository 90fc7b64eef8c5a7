"""The kernels as functions of tensors. Shapes are checked by who builds the model; here only addresses are passed.

All tensors are contiguous, on the CPU, float32 where nothing else is said.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from engine.native.build import library

BLOCK, GROUP = 32, 8
ABI_VERSION = 3
_POINTER, _COUNT, _NUMBER = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
_SIGNATURES = {
    "abi_version": (ctypes.c_int, ()),
    "packed_bytes": (_COUNT, (_COUNT,) * 2),
    "pack": (None, (_POINTER,) * 2 + (_COUNT,) * 2),
    "unpack_rows": (None, (_POINTER,) * 3 + (_COUNT,) * 2),
    "quantise": (None, (_POINTER,) * 3 + (_COUNT,) * 2),
    "multiply": (None, (_POINTER,) * 5 + (_COUNT,) * 3),
    "rms_norm": (None, (_POINTER,) * 3 + (_COUNT,) * 2 + (_NUMBER,)),
    "swiglu": (None, (_POINTER,) * 2 + (_COUNT,) * 2),
    "rotate": (None, (_POINTER, _COUNT) + (_POINTER,) * 3 + (_COUNT,) * 3),
    "attend": (None, (_POINTER,) * 8 + (_COUNT,) * 5 + (_NUMBER,)),
    "run_layers": (ctypes.c_int, (_POINTER,) * 8),
}


class Kernels:
    """The compiled kernels. Raises BuildFailed at birth when there can be none on this machine."""

    def __init__(self, cache_directory: Path | None) -> None:
        compiled = library(cache_directory)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(compiled, name)
            function.restype, function.argtypes = result, arguments
        assert compiled.abi_version() == ABI_VERSION, "kernels.c and kernels.py belong together"
        self._c = compiled

    def pack(self, weight: Tensor) -> Tensor:
        """(outputs, inputs) -> int8 blocks as uint8 (bytes,); `inputs` is a multiple of 32."""
        outputs, inputs = weight.shape
        packed = torch.empty(self._c.packed_bytes(outputs, inputs), dtype=torch.uint8)
        self._c.pack(weight.data_ptr(), packed.data_ptr(), outputs, inputs)
        return packed

    def unpack_rows(self, packed: Tensor, ids: Tensor, inputs: int) -> Tensor:
        """Rows of a packed matrix by their ids, int64 (T,) -> (T, inputs)"""
        y = torch.empty(len(ids), inputs)
        self._c.unpack_rows(packed.data_ptr(), ids.data_ptr(), y.data_ptr(), len(ids), inputs)
        return y

    def linear(self, x: Tensor, packed: Tensor, bias: Tensor | None, outputs: int) -> Tensor:
        """x W^T + bias: (T, inputs) -> (T, outputs)"""
        tokens, inputs = x.shape
        quantised = torch.empty(tokens, inputs, dtype=torch.int8)
        scales = torch.empty(tokens, inputs // BLOCK)
        y = torch.empty(tokens, outputs)
        self._c.quantise(x.data_ptr(), quantised.data_ptr(), scales.data_ptr(), tokens, inputs)
        self._c.multiply(
            quantised.data_ptr(),
            scales.data_ptr(),
            packed.data_ptr(),
            None if bias is None else bias.data_ptr(),
            y.data_ptr(),
            tokens,
            inputs,
            outputs,
        )
        return y

    def rms_norm(self, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """x / rms(x) * weight for (..., width)"""
        y = torch.empty_like(x)
        width = x.shape[-1]
        self._c.rms_norm(x.data_ptr(), weight.data_ptr(), y.data_ptr(), x.numel() // width, width, epsilon)
        return y

    def swiglu(self, x: Tensor) -> Tensor:
        """silu(gate) * up: (T, 2 width), gate first -> (T, width)"""
        tokens, width = x.shape[0], x.shape[1] // 2
        y = torch.empty(tokens, width)
        self._c.swiglu(x.data_ptr(), y.data_ptr(), tokens, width)
        return y

    def rotate(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        """Turn the pairs (i, i + width / 2) of (T, heads, width) by the angles of (T, 1, width)."""
        assert _is_whole(x) and cosines.is_contiguous() and sines.is_contiguous()
        y = torch.empty(x.shape)
        angles = cosines.data_ptr(), sines.data_ptr()
        self._c.rotate(x.data_ptr(), x.stride(0), *angles, y.data_ptr(), *x.shape)
        return y

    def attend(
        self, parts: tuple[Tensor, Tensor, Tensor], places: Places, layer: int, scale: float, window: int = 0
    ) -> Tensor:
        """Store the new keys and values of one token of each sequence, then attend: -> (T, heads * width)

        `parts` are queries (T, heads, width), keys and values (T, kv_heads, width), contiguous but for the first
        dimension. A `window` of 0 sees all.
        """
        queries, keys, values = parts
        assert all(map(_is_whole, parts))
        tokens, heads, width = queries.shape
        y = torch.empty(tokens, heads * width)
        strides = (_COUNT * 3)(queries.stride(0), keys.stride(0), values.stride(0))
        self._c.attend(
            queries.data_ptr(),
            keys.data_ptr(),
            values.data_ptr(),
            strides,
            places.address(layer),
            places.capacities.data_ptr(),
            places.positions.data_ptr(),
            y.data_ptr(),
            tokens,
            heads,
            keys.shape[1],
            width,
            window,
            scale,
        )
        return y

    def run_layers(
        self, layers: ctypes.Array, sizes: StepSizes, x: Tensor, angles: tuple[Tensor, Tensor], places: Places
    ) -> None:
        """One token of each sequence through all layers: x (T, hidden) is changed in place. Raises MemoryError."""
        assert x.is_contiguous() and all(each.shape == (sizes.tokens, 1, sizes.width) for each in angles)
        failed = self._c.run_layers(
            layers,
            ctypes.byref(sizes),
            x.data_ptr(),
            angles[0].data_ptr(),
            angles[1].data_ptr(),
            places.address(0),
            places.capacities.data_ptr(),
            places.positions.data_ptr(),
        )
        if failed:
            raise MemoryError("there is no memory for a step")


def _is_whole(x: Tensor) -> bool:
    """Whether each token's (heads, width) lies in one piece."""
    return x.stride(2) == 1 and x.stride(1) == x.shape[2]


class StepLayer(ctypes.Structure):
    """The addresses of one plain layer's weights, as `run_layers` reads them; a bias may be None."""

    _fields_ = [
        (name, _POINTER)
        for name in (
            "first_norm",
            "second_norm",
            "qkv",
            "output",
            "gate_up",
            "down",
            "qkv_bias",
            "output_bias",
            "gate_up_bias",
            "down_bias",
        )
    ]


class StepSizes(ctypes.Structure):
    """The numbers of a step, as `run_layers` reads them."""

    _fields_ = [
        *((name, _COUNT) for name in ("tokens", "hidden", "heads", "kv_heads", "width", "inner", "layers")),
        ("epsilon", _NUMBER),
        ("scale", _NUMBER),
    ]


class Places:
    """Where the first `count` tokens of a step, one of each sequence, keep their keys and values.

    Made from the sequences' slots, each float32 (layers, 2, kv_heads, capacity, width), and their positions.
    """

    __slots__ = ("_addresses", "capacities", "count", "kernels", "positions")

    def __init__(self, kernels: Kernels, slots: Sequence[Tensor], positions: Sequence[int]) -> None:
        self.kernels, self.count = kernels, len(slots)
        self.positions = torch.tensor(positions)  # (count,)
        self.capacities = torch.tensor([slot.shape[3] for slot in slots])  # (count,)
        bases = torch.tensor([slot.data_ptr() for slot in slots])  # (count,)
        layer_bytes = torch.tensor([slot.stride(0) * slot.itemsize for slot in slots])  # (count,)
        self._addresses = bases + layer_bytes * torch.arange(slots[0].shape[0])[:, None]  # (layers, count)

    def address(self, layer: int) -> int:
        """The address of the addresses of each sequence's cache in one layer."""
        return self._addresses.data_ptr() + layer * self.count * self._addresses.itemsize

    def attend(
        self, parts: tuple[Tensor, Tensor, Tensor], layer: int, scale: float, window: int | None = None
    ) -> Tensor:
        """`Kernels.attend` for these places."""
        return self.kernels.attend(parts, self, layer, scale, window or 0)
