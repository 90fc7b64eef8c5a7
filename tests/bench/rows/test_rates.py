"""A rate is tokens of all streams for the seconds that a contestant says."""

from __future__ import annotations

import pytest

from bench.rows.rates import TASKS, Task


class Recorded:
    """A contestant who takes half a second for everything, and remembers what it was told to do."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, dict[str, int]]] = []

    def do(self, act: str, **how: int) -> float:
        """Note the order."""
        self.orders.append((act, how))
        return 0.5


@pytest.mark.parametrize(("task", "rate"), list(zip(TASKS, (128.0, 512.0, 1024.0, 1040.0), strict=True)))
def test_a_rate_counts_the_tokens_of_all_streams(task: Task, rate: float) -> None:
    assert task.rate(Recorded()) == rate


def test_the_prompts_of_what_is_decoded_are_computed_before_the_clock_starts() -> None:
    contestant = Recorded()
    TASKS[1].rate(contestant)
    assert contestant.orders == [("begin", {"streams": 8, "context": 16}), ("decode", {"tokens": 32})]
