"""Slots are given out so that what is computed already is not computed again."""

from __future__ import annotations

from random import Random

from engine.slots import SHORTEST_COPY, SlotPool

TURN = list(range(100, 100 + 4 * SHORTEST_COPY))


def run(pool: SlotPool, prompt: list[int], reserve: int = 64) -> int:
    """Place a prompt, compute it whole and end the run; returns its slot."""
    placement = pool.place(prompt, reserve)
    pool.extend(placement.slot, prompt[placement.cached :])
    pool.release(placement.slot)
    return placement.slot


def test_an_empty_pool_gives_an_empty_slot() -> None:
    placement = SlotPool(2, 1000).place([1, 2, 3], 10)
    assert (placement.cached, placement.copy_from, placement.emptied) == (0, None, ())


def test_the_next_turn_takes_over_its_own_slot() -> None:
    pool = SlotPool(4, 1000)
    slot = run(pool, TURN)
    placement = pool.place([*TURN, 7, 8, 9], 64)
    assert (placement.slot, placement.cached, placement.copy_from) == (slot, len(TURN), None)


def test_the_last_token_is_always_left_to_compute() -> None:
    pool = SlotPool(1, 1000)
    run(pool, TURN)
    assert pool.place(TURN, 64).cached == len(TURN) - 1


def test_a_shared_start_is_copied_from_a_slot_in_use() -> None:
    pool = SlotPool(2, 1000)
    first = pool.place(TURN, 64)
    pool.extend(first.slot, TURN)
    second = pool.place([*TURN[:20], 1, 2, 3], 64)
    assert second.slot != first.slot
    assert (second.cached, second.copy_from) == (20, first.slot)


def test_a_long_conversation_is_not_given_up_for_a_short_common_start() -> None:
    pool = SlotPool(2, 10_000)
    long_slot = run(pool, TURN * 4)
    placement = pool.place([*TURN[:SHORTEST_COPY], 1, 2], 64)
    assert placement.slot != long_slot
    assert placement.copy_from == long_slot
    pool.release(placement.slot)
    assert pool.place([*TURN * 4, 5], 200).cached == len(TURN) * 4


def test_the_slot_unused_for_longest_is_given_up_first() -> None:
    pool = SlotPool(2, 1000)
    oldest, newer = run(pool, [1, 2, 3]), run(pool, [4, 5, 6])
    assert oldest != newer
    assert pool.place([7, 8, 9], 10).slot == oldest


def test_no_slot_means_wait() -> None:
    pool = SlotPool(1, 1000)
    pool.place([1, 2, 3], 10)
    assert pool.place([4, 5, 6], 10) is None


def test_no_room_in_the_budget_means_wait() -> None:
    pool = SlotPool(4, 100)
    pool.place([1, 2, 3], 60)
    assert pool.place([4, 5, 6], 60) is None
    assert pool.place([4, 5, 6], 40) is not None


def test_a_single_run_may_take_the_whole_budget() -> None:
    assert SlotPool(2, 100).place([1, 2, 3], 500) is not None


def test_kept_tokens_make_room_for_a_run() -> None:
    pool = SlotPool(3, 100)
    kept = run(pool, list(range(60)), reserve=60)
    placement = pool.place([900, 901], 80)
    assert placement.emptied == (kept,)
    assert pool.slots[kept].tokens == []


def in_sixteens(length: int) -> int:
    """Tokens that a tensor has room for, as the cache makes them: sixteen at a time."""
    return -(-length // 16) * 16


def test_a_slot_counts_by_the_room_of_its_tensor_and_not_by_its_tokens() -> None:
    pool = SlotPool(4, 96, in_sixteens)
    pool.place([1, 2, 3], 17)
    assert pool.slots[0].held == 32
    assert pool.place([4, 5, 6], 65) is None
    assert pool.place([4, 5, 6], 64) is not None


def test_a_tensor_that_nothing_of_is_used_goes_before_its_slot_is_given_out() -> None:
    pool = SlotPool(1, 1000, in_sixteens)
    slot = run(pool, list(range(200)), reserve=200)
    assert pool.slots[slot].held == 208
    placement = pool.place([900, 901], 10)
    assert (placement.slot, placement.emptied) == (slot, (slot,))
    assert pool.slots[slot].held == 16


def test_a_slot_that_is_gone_on_with_still_counts_by_what_its_tensor_grew_to() -> None:
    pool = SlotPool(1, 1000, in_sixteens)
    slot = run(pool, list(range(200)), reserve=200)
    placement = pool.place(list(range(20)), 30)
    assert (placement.cached, placement.emptied) == (19, ())
    assert pool.slots[slot].held == 208, "the tensor is as large as it was"


def test_a_start_is_taken_over_where_there_is_no_room_for_a_copy_of_it() -> None:
    pool = SlotPool(3, 300, in_sixteens)
    long_slot = run(pool, list(range(200)), reserve=200)
    placement = pool.place(list(range(50)), 100)
    assert (placement.slot, placement.cached, placement.copy_from) == (long_slot, 49, None)
    assert sum(slot.held for slot in pool.slots) == 208


def test_what_is_held_never_exceeds_the_budget_once_there_is_more_than_one_run() -> None:
    pool, budget = SlotPool(4, 400, in_sixteens), 400
    random, running = Random(3), []
    for turn in range(300):
        start = random.choice([0, 1000, 2000, 3000 + turn])
        prompt = list(range(start, start + random.randrange(1, 250)))
        placement = pool.place(prompt, len(prompt) + random.randrange(1, 60))
        if placement is None:
            pool.release(running.pop(0))
            continue
        running.append(placement.slot)
        pool.extend(placement.slot, prompt[placement.cached :])
        assert sum(slot.held for slot in pool.slots) <= budget


def test_a_slot_forgotten_holds_nothing() -> None:
    pool = SlotPool(1, 1000, in_sixteens)
    slot = run(pool, TURN)
    pool.forget(slot)
    assert pool.slots[slot].held == 0
    assert pool.place(TURN, 64).cached == 0
