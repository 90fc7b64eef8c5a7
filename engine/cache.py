"""The keys and values of all slots. Which slot belongs to whom is decided in `slots.py`; here are only tensors."""

from __future__ import annotations

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
