"""Guesses how an answer goes on, from what followed the same few tokens before in its prompt and in itself.

Integers only. A guess costs little where a step waits for memory, and nothing is taken from it that the model would not
have said; whether guessing pays is learnt from how many guesses came true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

LENGTH_OF_A_PATTERN = 3
LONGEST_GUESS = 6
ROWS_NEARLY_FREE = 8
SHORTEST_PAUSE, LONGEST_PAUSE = 8, 256
FORGETTING, LARGEST_COST, LARGEST_DEBT = 0.9, 4.0, 4.0
FIRST_STEPS_OFF, MOST_STEPS_OFF = 64, 4096


@dataclass(eq=False, slots=True)
class Speculation:
    """One sequence's guesses. `proposed` and `accepted` count tokens since its beginning."""

    proposed: int = 0
    accepted: int = 0
    _followers: dict[tuple[int, ...], int] = field(default_factory=dict)
    _known: int = 0
    _width: int = 2
    _pause: int = SHORTEST_PAUSE
    _resumes_at: int = 0

    def propose(self, ids: Sequence[int], most: int) -> list[int]:
        """What followed the last time that `ids` ended as they do now: at most `most` ids, often none."""
        self._learn(ids)
        most = min(most, self._width)
        if most <= 0 or len(ids) < self._resumes_at:
            return []
        start = self._followers.get(tuple(ids[-LENGTH_OF_A_PATTERN:]))
        return [] if start is None else list(ids[start : start + most])

    def note(self, proposed: int, accepted: int, length: int) -> None:
        """Learn how a guess did, `length` ids into the sequence: a good one makes the next longer, bad ones pause."""
        self.proposed += proposed
        self.accepted += accepted
        if accepted == proposed:
            self._width = min(LONGEST_GUESS, self._width + 2)
            self._pause = SHORTEST_PAUSE
        elif accepted == 0:
            self._width = 2
            self._resumes_at = length + self._pause
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)

    def _learn(self, ids: Sequence[int]) -> None:
        """Remember what follows each pattern; the last one has no follower yet."""
        for end in range(max(self._known, LENGTH_OF_A_PATTERN), len(ids)):
            self._followers[tuple(ids[end - LENGTH_OF_A_PATTERN : end])] = end
        self._known = len(ids)


class Worth:
    """Whether guesses pay in this model on this machine: steps that they saved, against what they made steps longer.

    Where they cost more than they save they stop for some steps, each time for longer, and are then tried again.
    """

    def __init__(self) -> None:
        self._balance = 0.0
        self._off = FIRST_STEPS_OFF
        self._left = 0

    def pays(self) -> bool:
        """Whether the next step may guess; to be asked once a step."""
        self._left = max(0, self._left - 1)
        return self._left == 0

    def note(self, saved_steps: float, cost_steps: float) -> None:
        """Learn from a step with guesses; both in bare steps. One that was slow by chance counts as four at most."""
        self._balance = FORGETTING * self._balance + saved_steps - min(LARGEST_COST, max(0.0, cost_steps))
        if self._balance > 0:
            self._off = FIRST_STEPS_OFF
        elif self._balance < -LARGEST_DEBT:
            self._balance, self._left = 0.0, self._off
            self._off = min(MOST_STEPS_OFF, 2 * self._off)


def rows_for_guesses(answers: int) -> int:
    """How many ids each of so many answers may guess in a step without making it much longer."""
    return max(0, ROWS_NEARLY_FREE // max(1, answers) - 1)
