"""The kernels as functions of tensors. Shapes are checked by who builds the model; here only addresses are passed.

All tensors are contiguous, on the CPU, float32 where nothing else is said.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.native.build import library

BLOCK, GROUP = 32, 8
ABI_VERSION = 4
_POINTER, _COUNT, _NUMBER = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
_SIGNATURES = {
    "abi_version": (ctypes.c_int, ()),
    "packed_bytes": (_COUNT, (_COUNT,) * 3),
    "pack_bytes": (ctypes.c_int, (_POINTER,) * 2 + (_COUNT,) * 2),
    "pack_nibbles": (ctypes.c_int, (_POINTER,) * 2 + (_COUNT,) * 2),
    "unpack_rows": (None, (_POINTER,) * 3 + (_COUNT,) * 2),
    "linear": (ctypes.c_int, (_POINTER,) * 3 + (_COUNT,) * 3),
    "rms_norm": (None, (_POINTER,) * 3 + (_COUNT,) * 2 + (_NUMBER,)),
    "swiglu": (None, (_POINTER,) * 2 + (_COUNT,) * 2),
    "rotate": (None, (_POINTER, _COUNT) + (_POINTER,) * 3 + (_COUNT,) * 3),
    "attend": (None, (_POINTER,) * 6 + (_COUNT, _POINTER)),
    "run_layers": (ctypes.c_int, (_POINTER,) * 6),
}


@dataclass(frozen=True, slots=True)
class Packed:
    """A weight (outputs, inputs) in blocks of 32 inputs, `data` as uint8 (bytes,), with 8 or 4 bits a number."""

    data: Tensor
    bits: int
    outputs: int
    inputs: int


class Kernels:
    """The compiled kernels. Raises BuildFailed at birth when there can be none on this machine."""

    def __init__(self, cache_directory: Path | None) -> None:
        compiled = library(cache_directory)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(compiled, name)
            function.restype, function.argtypes = result, arguments
        assert compiled.abi_version() == ABI_VERSION, "kernels.c and kernels.py belong together"
        self._c = compiled

    def pack(self, weight: Tensor) -> Packed:
        """Pack (outputs, inputs), `inputs` a multiple of 32: with 4 bits where nothing is lost by it, else with 8."""
        for bits, pack in ((4, self._c.pack_nibbles), (8, self._c.pack_bytes)):
            data = torch.empty(self._c.packed_bytes(*weight.shape, bits), dtype=torch.uint8)
            if pack(weight.data_ptr(), data.data_ptr(), *weight.shape) != 0:
                break
        return Packed(data, bits, *weight.shape)

    def unpack_rows(self, packed: Packed, ids: Tensor) -> Tensor:
        """Rows of a packed matrix by their ids, int64 (T,) -> (T, inputs)"""
        y = torch.empty(len(ids), packed.inputs)
        matrix = ctypes.byref(Matrix.of(packed, None))
        self._c.unpack_rows(matrix, ids.data_ptr(), y.data_ptr(), len(ids), packed.inputs)
        return y

    def linear(self, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
        """x W^T + bias: (T, inputs) -> (T, outputs). Raises MemoryError."""
        y = torch.empty(len(x), packed.outputs)
        matrix = ctypes.byref(Matrix.of(packed, bias))
        if self._c.linear(x.data_ptr(), matrix, y.data_ptr(), len(x), packed.inputs, packed.outputs):
            raise MemoryError("there is no memory for a product")
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
        """Store the new keys and values of a step's tokens, then attend: -> (T, heads * width)

        `parts` are queries (T, heads, width), keys and values (T, kv_heads, width), contiguous but for the first
        dimension. A `window` of 0 sees all.
        """
        queries, keys, values = parts
        assert all(map(_is_whole, parts))
        tokens, heads, width = queries.shape
        y = torch.empty(tokens, heads * width)
        strides = (_COUNT * 3)(queries.stride(0), keys.stride(0), values.stride(0))
        sizes = AttentionSizes(tokens, heads, keys.shape[1], width, window, scale)
        tensors = (each.data_ptr() for each in parts)
        self._c.attend(*tensors, strides, places.address, ctypes.byref(sizes), layer, y.data_ptr())
        return y

    def run_layers(
        self, layers: ctypes.Array, sizes: StepSizes, x: Tensor, angles: tuple[Tensor, Tensor], places: Places
    ) -> None:
        """A step's tokens through all layers: x (T, hidden) is changed in place. Raises MemoryError."""
        assert x.is_contiguous() and all(each.shape == (sizes.tokens, 1, sizes.width) for each in angles)
        turns = (each.data_ptr() for each in angles)
        if self._c.run_layers(layers, ctypes.byref(sizes), x.data_ptr(), *turns, places.address):
            raise MemoryError("there is no memory for a step")


def _is_whole(x: Tensor) -> bool:
    """Whether each token's (heads, width) lies in one piece."""
    return x.stride(2) == 1 and x.stride(1) == x.shape[2]


class Matrix(ctypes.Structure):
    """A packed weight and its bias by their addresses; who makes one keeps the tensors alive."""

    _fields_ = [("data", _POINTER), ("bias", _POINTER), ("bits", _COUNT)]

    @classmethod
    def of(cls, packed: Packed, bias: Tensor | None) -> Matrix:
        """The addresses of this weight and this bias."""
        return cls(packed.data.data_ptr(), None if bias is None else bias.data_ptr(), packed.bits)


class StepLayer(ctypes.Structure):
    """The addresses of one plain layer's weights, as `run_layers` reads them."""

    _fields_ = [
        ("first_norm", _POINTER),
        ("second_norm", _POINTER),
        ("qkv", Matrix),
        ("output", Matrix),
        ("gate_up", Matrix),
        ("down", Matrix),
    ]


class StepSizes(ctypes.Structure):
    """The numbers of a step, as `run_layers` reads them."""

    _fields_ = [
        *((name, _COUNT) for name in ("tokens", "hidden", "heads", "kv_heads", "width", "inner", "layers")),
        ("epsilon", _NUMBER),
        ("scale", _NUMBER),
    ]


class AttentionSizes(ctypes.Structure):
    """The numbers of an attention, as `attend` reads them."""

    _fields_ = [
        *((name, _COUNT) for name in ("tokens", "heads", "kv_heads", "width", "window")),
        ("scale", _NUMBER),
    ]


class _PlaceAddresses(ctypes.Structure):
    _fields_ = [(name, _POINTER) for name in ("slots", "capacities", "positions")]


class Places:
    """Where the tokens of a step keep their keys and values.

    Made from the sequences' slots, each float32 (layers, 2, kv_heads, capacity, width), how many tokens each sequence
    has in the step, and the positions of all tokens, int64 (T,).
    """

    __slots__ = ("_addresses", "_keep", "kernels")

    def __init__(self, kernels: Kernels, slots: Sequence[Tensor], counts: Sequence[int], positions: Tensor) -> None:
        self.kernels = kernels
        known = torch.tensor([(slot.data_ptr(), slot.shape[3]) for slot in slots])  # (rows, 2)
        bases, capacities = known.repeat_interleave(torch.tensor(counts), dim=0).T.contiguous()  # each (T,)
        self._keep = slots, bases, capacities, positions
        self._addresses = _PlaceAddresses(bases.data_ptr(), capacities.data_ptr(), positions.data_ptr())

    @property
    def address(self) -> object:
        """What the kernels take for it."""
        return ctypes.byref(self._addresses)

    def attend(
        self, parts: tuple[Tensor, Tensor, Tensor], layer: int, scale: float, window: int | None = None
    ) -> Tensor:
        """`Kernels.attend` for these places."""
        return self.kernels.attend(parts, self, layer, scale, window or 0)
