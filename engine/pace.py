"""How long steps take here, learnt from those that were taken, and how much of a prompt fits beside answers.

Numbers only: who calls it measures. What is asked for is a share of a step, never a time of the clock.
"""

from __future__ import annotations

from collections import deque
from statistics import median

# A prompt may delay the next token of those who are being answered by so many of their steps.
STEPS_OF_DELAY = 2.0
FIRST_CHUNK = 8
REMEMBERED = 9
# After so many steps with prompts in them, one without tells again how long those take.
STEPS_UNTIL_STALE = 32
SMALLEST_SHARE = 0.25


class Pace:
    """The usual seconds of a step for each number of answers, and of a prompt's token beside them."""

    def __init__(self) -> None:
        self._steps: dict[int, deque[float]] = {}
        self._tokens: deque[float] = deque(maxlen=REMEMBERED)
        self._since_bare = 0

    def note(self, answers: int, prompt_tokens: int, seconds: float, guesses: int = 0) -> None:
        """Learn from a step that gave each of so many answers its next token and computed so many tokens of prompts.

        One without answers delays nobody, and teaches nothing: long chunks cost less for each token. Nor does one with
        guesses, which take time of their own.
        """
        if answers == 0:
            return
        if guesses:
            self._since_bare += 1
        elif prompt_tokens == 0:
            self._steps.setdefault(answers, deque(maxlen=REMEMBERED)).append(seconds)
            self._since_bare = 0
        elif answers in self._steps:
            self._since_bare += 1
            # A bare step that was slow by chance must not make prompts look free.
            least = SMALLEST_SHARE * seconds
            self._tokens.append(max(least, seconds - self.step_seconds(answers)) / prompt_tokens)

    def step_seconds(self, answers: int) -> float:
        """The usual time of a step of so many answers and nothing else. Raises KeyError where none was noted."""
        return median(self._steps[answers])

    def prompt_tokens(self, answers: int, most: int) -> int:
        """How many tokens of prompts, at most `most`, a step of so many answers may take along.

        None at all where the step has to be taken bare first, to learn how long it is.
        """
        if answers not in self._steps or self._since_bare >= STEPS_UNTIL_STALE:
            return 0
        if not self._tokens:
            return min(FIRST_CHUNK, most)
        allowed = STEPS_OF_DELAY * self.step_seconds(answers) / median(self._tokens)
        return max(1, min(most, int(allowed)))
