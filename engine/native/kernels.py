"""The kernels as functions of tensors. Shapes are checked by who builds the model; here only addresses are passed.

All tensors are contiguous, on the CPU, float32 where nothing else is said.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch
from torch import Tensor

from engine.native.build import library

BLOCK, GROUP = 32, 8
ABI_VERSION = 1
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
    "rotate_and_store": (None, (_POINTER,) * 6 + (_COUNT,) * 4),
    "attend": (None, (_POINTER,) * 5 + (_COUNT,) * 4 + (_NUMBER,)),
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
        """x / rms(x) * weight for (T, width)"""
        y = torch.empty_like(x)
        self._c.rms_norm(x.data_ptr(), weight.data_ptr(), y.data_ptr(), *x.shape, epsilon)
        return y

    def swiglu(self, x: Tensor) -> Tensor:
        """silu(gate) * up: (T, 2 width), gate first -> (T, width)"""
        tokens, width = x.shape[0], x.shape[1] // 2
        y = torch.empty(tokens, width)
        self._c.swiglu(x.data_ptr(), y.data_ptr(), tokens, width)
        return y

    def rotate_and_store(self, qkv: Tensor, angles: tuple[Tensor, Tensor], places: Places) -> None:
        """Turn queries and keys of (T, heads + 2 kv_heads, width) in place; put keys and values into the caches.

        `angles` are cosines and sines, each (T, 1, width).
        """
        tokens, everything, width = qkv.shape
        self._c.rotate_and_store(
            qkv.data_ptr(),
            angles[0].data_ptr(),
            angles[1].data_ptr(),
            places.caches.data_ptr(),
            places.capacities.data_ptr(),
            places.positions.data_ptr(),
            tokens,
            everything - 2 * places.kv_heads,
            places.kv_heads,
            width,
        )

    def attend(self, qkv: Tensor, places: Places, scale: float) -> Tensor:
        """Each token over its own cache up to itself: (T, heads + 2 kv_heads, width) -> (T, heads * width)"""
        tokens, everything, width = qkv.shape
        heads = everything - 2 * places.kv_heads
        y = torch.empty(tokens, heads * width)
        self._c.attend(
            qkv.data_ptr(),
            places.caches.data_ptr(),
            places.capacities.data_ptr(),
            places.positions.data_ptr(),
            y.data_ptr(),
            tokens,
            heads,
            places.kv_heads,
            width,
            scale,
        )
        return y


class Places:
    """Where the keys and values of each token of a step go, in one layer; all int64 (T,).

    `caches` are addresses of the layer's part of a slot, (2, kv_heads, capacity, width) of float32.
    """

    __slots__ = ("caches", "capacities", "kv_heads", "positions")

    def __init__(self, caches: Tensor, capacities: Tensor, positions: Tensor, kv_heads: int) -> None:
        self.caches = caches
        self.capacities = capacities
        self.positions = positions
        self.kv_heads = kv_heads
