"""The keys and values of all slots. Which slot belongs to whom is decided in `slots.py`; here are only tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

SMALLEST_CAPACITY = 256


class KVCache:
    """One tensor a slot, (layers, 2, kv_heads, capacity, head_dim), which grows by doubling as its run grows."""

    def __init__(
        self,
        *,
        slots: int,
        layers: int,
        kv_heads: int,
        head_dim: int,
        context_length: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._shape = (layers, 2, kv_heads, head_dim)
        self._context_length = context_length
        self._dtype = dtype
        self._device = device
        self._slots: list[Tensor | None] = [None] * slots

    def another(self, slots: int) -> KVCache:
        """An empty cache for the same model."""
        layers, _, kv_heads, head_dim = self._shape
        return KVCache(
            slots=slots,
            layers=layers,
            kv_heads=kv_heads,
            head_dim=head_dim,
            context_length=self._context_length,
            dtype=self._dtype,
            device=self._device,
        )

    @property
    def bytes(self) -> int:
        """Memory of all slots."""
        return sum(slot.nbytes for slot in self._slots if slot is not None)

    @property
    def bytes_per_token(self) -> int:
        """What a token's keys and values take in all layers."""
        layers, pair, kv_heads, head_dim = self._shape
        return layers * pair * kv_heads * head_dim * self._dtype.itemsize

    def capacity(self, length: int) -> int:
        """The tokens that a new tensor for `length` of them has room for."""
        capacity = SMALLEST_CAPACITY
        while capacity < length:
            capacity *= 2
        return max(length, min(capacity, self._context_length))

    @torch.inference_mode()
    def slot(self, index: int, length: int) -> Tensor:
        """A slot's tensor, (layers, 2, kv_heads, capacity, head_dim), grown to hold at least `length` tokens."""
        held = self._slots[index]
        if held is not None and held.shape[3] >= length:
            return held
        layers, pair, kv_heads, head_dim = self._shape
        grown = torch.empty(
            (layers, pair, kv_heads, self.capacity(length), head_dim), dtype=self._dtype, device=self._device
        )  # (layers, 2, kv_heads, capacity, head_dim)
        if held is not None:
            grown[:, :, :, : held.shape[3]] = held
        self._slots[index] = grown
        return grown

    @torch.inference_mode()
    def copy(self, source: int, target: int, length: int) -> None:
        """Give `target` the first `length` tokens of `source`."""
        held = self.slot(source, length)
        self.slot(target, length)[:, :, :, :length] = held[:, :, :, :length]

    def drop(self, index: int) -> None:
        """Return a slot's memory."""
        self._slots[index] = None

    def keep(self, index: int, length: int) -> None:
        """A new run begins in a slot, of whose tokens it needs the first `length`."""
        if length == 0:
            self.drop(index)


class FixedCache(KVCache):
    """All slots in one tensor that never moves, (layers, 2, slots + 1, kv_heads, context, head_dim).

    The last slot is the `spare` one: there goes what a step of a fixed number of rows computes for nobody. What lies
    behind a slot's tokens are numbers, so that it can be masked away.
    """

    def __init__(self, **sizes: Any) -> None:
        super().__init__(**sizes)
        layers, pair, kv_heads, head_dim = self._shape
        self.spare = len(self._slots)
        shape = (layers, pair, self.spare + 1, kv_heads, self._context_length, head_dim)
        self.whole = torch.zeros(shape, dtype=self._dtype, device=self._device)

    @property
    def bytes(self) -> int:
        """Memory of all slots, used or not."""
        return self.whole.nbytes

    def capacity(self, length: int) -> int:
        """A whole context, whatever is asked."""
        return self._context_length

    def places(self, length: int) -> int:
        """How many places a step looks at so that `length` are among them: few sizes, each twice the one before."""
        return super().capacity(length)

    def slot(self, index: int, length: int) -> Tensor:
        """A slot's part of the tensor, (layers, 2, kv_heads, context, head_dim)."""
        return self.whole[:, :, index]

    def drop(self, index: int) -> None:
        """Forget a slot's tokens; its memory stays."""
        self.keep(index, 0)

    @torch.inference_mode()
    def keep(self, index: int, length: int) -> None:
        """A new run begins in a slot, of whose tokens it needs the first `length`."""
        self.whole[:, :, index, :, length:] = 0
