"""Which cache slot a new request gets, and how much of its prompt lies there already. Integers only, no tensors.

A slot keeps the tokens of its last run after the run ends. A new prompt takes over the slot with the longest common
prefix when most of that slot is shared, and copies the prefix into another slot when it is not, or when the slot is
still in use: so the next turn of a conversation, a regenerated answer and a shared system prompt cost what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

SHORTEST_COPY = 8


@dataclass(slots=True)
class Slot:
    """One sequence's place in the cache. `tokens` are those whose keys and values it holds, in order.

    `reserved` is the room that its run may come to need, `room` what its tensor has already, both in tokens.
    """

    index: int
    tokens: list[int] = field(default_factory=list)
    reserved: int = 0
    room: int = 0
    last_used: int = 0

    @property
    def is_free(self) -> bool:
        return self.reserved == 0

    @property
    def held(self) -> int:
        """Tokens this slot takes from the budget."""
        return max(self.reserved, self.room)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a prompt goes: `cached` of its tokens are there, after a copy from `copy_from` where that is set.

    The slots in `emptied` were given up to make room: their memory is to be returned before anything is computed.
    """

    slot: int
    cached: int
    copy_from: int | None = None
    emptied: tuple[int, ...] = ()


class SlotPool:
    """A fixed number of slots that share a budget of tokens; a slot for n tokens takes `capacity(n)` of it."""

    def __init__(self, count: int, token_budget: int, capacity: Callable[[int], int] = int) -> None:
        self.slots = [Slot(index) for index in range(count)]
        self._token_budget = token_budget
        self._capacity = capacity
        self._clock = 0

    def place(self, prompt: Sequence[int], reserve: int) -> Placement | None:
        """A slot for a prompt that may grow to `reserve` tokens, or None when there is no room now.

        The last token of a prompt is always left to compute: its logits are needed.
        """
        free = [slot for slot in self.slots if slot.is_free]
        in_use = sum(slot.held for slot in self.slots if not slot.is_free)
        reserve = self._capacity(reserve)
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
        elif best.is_free and self._is_given_up(best, cached, free, reserve):
            chosen = best
        else:
            chosen, copy_from = _least_recently_used([slot for slot in free if slot is not best]), best.index
        is_new = self._take(chosen, cached if copy_from is None else 0, reserve)
        emptied = self._make_room(keep={chosen.index, copy_from})
        if copy_from is not None:
            chosen.tokens = list(usable[:cached])
            chosen.room = self._capacity(cached)
        return Placement(chosen.index, cached, copy_from, (chosen.index, *emptied) if is_new else emptied)

    def extend(self, index: int, tokens: Sequence[int]) -> None:
        """Note that the keys and values of these tokens were added to a slot."""
        slot = self.slots[index]
        slot.tokens.extend(tokens)
        if slot.room < len(slot.tokens):
            slot.room = self._capacity(len(slot.tokens))

    def forget(self, index: int) -> None:
        """Note that a slot holds nothing any more."""
        self.slots[index].tokens.clear()
        self.slots[index].room = 0

    def release(self, index: int) -> None:
        """A run has ended; its tokens stay for whoever shares them."""
        self._clock += 1
        self.slots[index].reserved = 0
        self.slots[index].last_used = self._clock

    def _is_given_up(self, best: Slot, cached: int, free: list[Slot], reserve: int) -> bool:
        """Whether a run takes over the slot whose first `cached` tokens it shares, rather than a copy of them.

        A copy keeps what the other branch of a conversation has more; it is made where it costs nobody anything.
        """
        others = sum(slot.held for slot in self.slots if slot.is_free and slot is not best)
        with_copy = sum(slot.held for slot in self.slots) + reserve
        if len(best.tokens) - cached < SHORTEST_COPY or len(free) == 1 or with_copy - others > self._token_budget:
            return True
        costs_nobody = with_copy <= self._token_budget and any(not slot.tokens for slot in free)
        return not costs_nobody and 2 * cached >= len(best.tokens)

    def _take(self, slot: Slot, kept: int, reserve: int) -> bool:
        """Give a slot to a run; True when its tensor goes because nothing in it is of use."""
        del slot.tokens[kept:]
        slot.reserved = reserve
        if kept or not slot.room:
            return False
        slot.room = 0
        return True

    def _make_room(self, keep: set[int | None]) -> tuple[int, ...]:
        emptied = []
        idle = sorted((slot for slot in self.slots if slot.is_free and slot.room), key=lambda slot: slot.last_used)
        for slot in idle:
            if sum(each.held for each in self.slots) <= self._token_budget:
                break
            if slot.index not in keep:
                self.forget(slot.index)
                emptied.append(slot.index)
        return tuple(emptied)


def _least_recently_used(slots: list[Slot]) -> Slot:
    return min(slots, key=lambda slot: (bool(slot.tokens), slot.last_used))


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    length = min(len(left), len(right))
    if list(left[:length]) == list(right[:length]):
        return length
    return next(index for index in range(length) if left[index] != right[index])
