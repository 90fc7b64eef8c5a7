"""Who is computed in the next step. First come, first served; long prompts go in chunks beside others' tokens.

Plain Python over `Sequence` and `SlotPool`; the tensors are the runner's business.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from engine.pace import Pace
from engine.sequence import Phase, Sequence
from engine.slots import Placement, SlotPool
from engine.speculation import Worth, rows_for_guesses


@dataclass(frozen=True, slots=True)
class Span:
    """`count` tokens of a sequence from position `start` on, computed in one step.

    `is_last` says that the sequence is then computed to its end, so its next token can be sampled. The last `guessed`
    of the tokens are guesses.
    """

    sequence: Sequence
    start: int
    count: int

    @property
    def is_last(self) -> bool:
        return self.start + self.count >= self.sequence.length

    @property
    def guessed(self) -> int:
        return max(0, self.start + self.count - self.sequence.length)

    @property
    def is_of_prompt(self) -> bool:
        return self.start < len(self.sequence.prompt_ids)


@dataclass(frozen=True, slots=True)
class Admission:
    """A sequence that just left the queue, and where its prompt goes."""

    sequence: Sequence
    placement: Placement


class Scheduler:
    """Waiting and running sequences. Each step computes one token of every answer and some of the prompts.

    `tokens_per_step` bounds a step; beside running answers prompts get what delays the next token of those by two
    steps at most, as `took` has told it.
    """

    def __init__(self, pool: SlotPool, *, max_running: int, tokens_per_step: int, speculates: bool = False) -> None:
        self._pool = pool
        self._speculates = speculates
        self._max_running = max_running
        self._tokens_per_step = tokens_per_step
        self._pace = Pace()
        self._worth = Worth()
        # In the step that is under way.
        self._guessed = self._accepted = 0
        self.spare_tokens = tokens_per_step
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.running

    def add(self, sequence: Sequence) -> int:
        """Queue a sequence and return how many wait before it."""
        sequence.arrived_at_position = len(self.waiting)
        self.waiting.append(sequence)
        return sequence.arrived_at_position

    def find(self, run_id: str) -> Sequence | None:
        """The waiting or running sequence of a run."""
        return next((each for each in (*self.running, *self.waiting) if each.run_id == run_id), None)

    def admit(self) -> list[Admission]:
        """Move sequences from the queue into the batch, in order, while there is room."""
        admissions = []
        while self.waiting and len(self.running) < self._max_running:
            sequence = self.waiting[0]
            placement = self._pool.place(sequence.prompt_ids, sequence.reserved_tokens)
            if placement is None:
                break
            self.waiting.popleft()
            sequence.slot = placement.slot
            sequence.computed = sequence.cached_tokens = placement.cached
            sequence.phase = Phase.PREFILL
            sequence.clock.admitted = time.monotonic()
            self.running.append(sequence)
            admissions.append(Admission(sequence, placement))
        return admissions

    def next_batch(self, shares: int = 1) -> list[Span]:
        """The spans of the next step: every answer's next token first, then prompts within their share of the budget.

        What they leave of it are the `spare_tokens`.
        """
        decoding = [each for each in self.running if each.phase is Phase.DECODE]
        budget, self._guessed = self._tokens_per_step, 0
        if decoding:
            budget = self._pace.prompt_tokens(len(decoding), self._tokens_per_step)
            self._guess(decoding, is_bare=budget == 0)
        spans = [Span(each, each.computed, 1 + len(each.guess)) for each in decoding]
        prompts = self._prompt_spans(-(-budget // shares))
        self.spare_tokens = budget - sum(span.count for span in prompts)
        return spans + prompts

    def took(self, spans: list[Span], seconds: float) -> None:
        """Learn how long a step was."""
        prompt_tokens = sum(span.count for span in spans if span.is_of_prompt)
        answers = sum(not span.is_of_prompt for span in spans)
        if self._guessed and not prompt_tokens:
            self._worth.note(self._accepted / answers, seconds / self._pace.step_seconds(answers) - 1)
        self._pace.note(answers, prompt_tokens, seconds, self._guessed)

    def _guess(self, decoding: list[Sequence], *, is_bare: bool) -> None:
        """Let answers guess where it pays; a step that tells how long a step is has no guesses in it."""
        most = rows_for_guesses(len(decoding)) if self._speculates and self._worth.pays() and not is_bare else 0
        for each in decoding:
            each.make_guess(most)
        self._guessed, self._accepted = sum(len(each.guess) for each in decoding), 0

    def _prompt_spans(self, budget: int) -> list[Span]:
        """Chunks of prompts. Half of the budget is the oldest's, the shortest have the rest: nobody waits for ever."""
        prompts = [each for each in self.running if each.phase is Phase.PREFILL]
        if not prompts:
            return []
        oldest, *others = prompts
        others.sort(key=lambda each: each.remaining)
        counts = {oldest: min(oldest.remaining, budget - budget // 2)}
        budget -= counts[oldest]
        for each in (*others, oldest):
            more = min(each.remaining - counts.get(each, 0), budget)
            counts[each] = counts.get(each, 0) + more
            budget -= more
        return [Span(each, each.computed, count) for each, count in counts.items() if count]

    def computed(self, span: Span) -> None:
        """Note that a span's keys and values are in the cache now; those of guesses do not count yet."""
        sequence, count = span.sequence, span.count - span.guessed
        self._pool.extend(sequence.slot, sequence.ids_from(span.start, count))
        sequence.computed += count
        if sequence.phase is Phase.PREFILL and sequence.remaining == 0:
            sequence.phase = Phase.DECODE

    def accept(self, sequence: Sequence, count: int) -> None:
        """Note that the first `count` guesses came true and what follows them was computed for nothing."""
        if sequence.guess:
            sequence.speculation.note(len(sequence.guess), count, sequence.length)
            self._accepted += count
        self._pool.extend(sequence.slot, sequence.guess[:count])
        sequence.computed += count
        sequence.guess = []

    def remove(self, sequence: Sequence) -> None:
        """Take out a sequence that has finished; its slot keeps what was computed."""
        if sequence in self.running:
            self.running.remove(sequence)
            self._pool.release(sequence.slot)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)
