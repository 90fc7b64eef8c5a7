"""Which cache slot a new request gets, and how much of its prompt lies there already. Integers only, no tensors.

A slot keeps the tokens of its last run after the run ends. A new prompt takes over the slot with the longest common
prefix when most of that slot is shared, and copies the prefix into another slot when it is not, or when the slot is
still in use: so the next turn of a conversation, a regenerated answer and a shared system prompt cost what is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

SHORTEST_COPY = 8


@dataclass(slots=True)
class Slot:
    """One sequence's place in the cache. `tokens` are those whose keys and values it holds, in order."""

    index: int
    tokens: list[int] = field(default_factory=list)
    reserved: int = 0
    last_used: int = 0

    @property
    def is_free(self) -> bool:
        return self.reserved == 0

    @property
    def held(self) -> int:
        """Tokens this slot takes from the budget."""
        return max(self.reserved, len(self.tokens))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a prompt goes: `cached` of its tokens are there, after a copy from `copy_from` where that is set.

    The slots in `emptied` were given up to make room; their memory may be returned.
    """

    slot: int
    cached: int
    copy_from: int | None = None
    emptied: tuple[int, ...] = ()


class SlotPool:
    """A fixed number of slots that share a budget of tokens."""

    def __init__(self, count: int, token_budget: int) -> None:
        self.slots = [Slot(index) for index in range(count)]
        self._token_budget = token_budget
        self._clock = 0

    def place(self, prompt: Sequence[int], reserve: int) -> Placement | None:
        """A slot for a prompt that may grow to `reserve` tokens, or None when there is no room now.

        The last token of a prompt is always left to compute: its logits are needed.
        """
        free = [slot for slot in self.slots if slot.is_free]
        in_use = sum(slot.reserved for slot in self.slots)
        if not free or (in_use and in_use + reserve > self._token_budget):
            return None
        usable = prompt[:-1]
        shared = {slot.index: _common_prefix(slot.tokens, usable) for slot in self.slots}
        best = max(self.slots, key=lambda slot: (shared[slot.index], slot.is_free))
        cached = shared[best.index]
        copy_from = None
        if cached < SHORTEST_COPY:
            chosen = _least_recently_used(free)
            cached = shared[chosen.index]
        elif best.is_free and (2 * cached >= len(best.tokens) or len(free) == 1):
            chosen = best
        else:
            chosen, copy_from = _least_recently_used([slot for slot in free if slot is not best]), best.index
        self._take(chosen, cached if copy_from is None else 0, reserve)
        emptied = self._make_room(keep={chosen.index, copy_from})
        if copy_from is not None:
            chosen.tokens = list(usable[:cached])
        return Placement(chosen.index, cached, copy_from, emptied)

    def extend(self, index: int, tokens: Sequence[int]) -> None:
        """Note that the keys and values of these tokens were added to a slot."""
        self.slots[index].tokens.extend(tokens)

    def release(self, index: int) -> None:
        """A run has ended; its tokens stay for whoever shares them."""
        self._clock += 1
        self.slots[index].reserved = 0
        self.slots[index].last_used = self._clock

    def _take(self, slot: Slot, kept: int, reserve: int) -> None:
        del slot.tokens[kept:]
        slot.reserved = reserve

    def _make_room(self, keep: set[int | None]) -> tuple[int, ...]:
        emptied = []
        idle = sorted((slot for slot in self.slots if slot.is_free and slot.tokens), key=lambda slot: slot.last_used)
        for slot in idle:
            if sum(each.held for each in self.slots) <= self._token_budget:
                break
            if slot.index not in keep:
                slot.tokens.clear()
                emptied.append(slot.index)
        return tuple(emptied)


def _least_recently_used(slots: list[Slot]) -> Slot:
    return min(slots, key=lambda slot: (bool(slot.tokens), slot.last_used))


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    length = min(len(left), len(right))
    if list(left[:length]) == list(right[:length]):
        return length
    return next(index for index in range(length) if left[index] != right[index])
