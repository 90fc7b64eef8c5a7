"""One request's tokens and state while it is being answered. Plain Python: the scheduler is tested with integers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from engine.letters import FinishReason, Timings, Usage
from engine.request import SamplingParams
from engine.speculation import Speculation


class Phase(Enum):
    """Where a sequence is in its life."""

    WAITING = "waiting"
    PREFILL = "prefill"
    DECODE = "decode"
    FINISHED = "finished"


@dataclass(eq=False, slots=True)
class Clock:
    """When things happened to a sequence, in seconds of the machine's monotonic clock."""

    received: float
    load_ms: float = 0.0
    admitted: float = 0.0
    first_token: float = 0.0
    finished: float = 0.0


@dataclass(eq=False, slots=True)
class Sequence:
    """The tokens of one run: the prompt, what was answered, and how many of both are in the cache."""

    run_id: str
    prompt_ids: list[int]
    sampling: SamplingParams
    room: int
    clock: Clock
    output_ids: list[int] = field(default_factory=list)
    phase: Phase = Phase.WAITING
    slot: int | None = None
    computed: int = 0
    cached_tokens: int = 0
    arrived_at_position: int = 0
    finish_reason: FinishReason | None = None
    speculation: Speculation = field(default_factory=Speculation)
    guess: list[int] = field(default_factory=list)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.sampling.seed)

    @property
    def length(self) -> int:
        """Tokens of the prompt and of the answer together."""
        return len(self.prompt_ids) + len(self.output_ids)

    @property
    def remaining(self) -> int:
        """Tokens whose keys and values are not computed yet."""
        return self.length - self.computed

    @property
    def reserved_tokens(self) -> int:
        """The most tokens this sequence can come to hold in the cache."""
        return len(self.prompt_ids) + self.room

    def ids_from(self, start: int, count: int) -> list[int]:
        """`count` token ids from position `start` on, of prompt, answer and what is guessed to follow, in one row."""
        prompt = len(self.prompt_ids)
        if start >= prompt:
            return (self.output_ids[start - prompt : start - prompt + count] + self.guess)[:count]
        return (self.prompt_ids[start : start + count] + self.output_ids)[:count]

    def make_guess(self, most: int) -> None:
        """Guess how the answer goes on, by at most `most` tokens and within its room."""
        most = min(most, self.room - len(self.output_ids) - 1)
        self.guess = self.speculation.propose(self.prompt_ids + self.output_ids, most) if most > 0 else []

    def append(self, token_id: int) -> None:
        """Add a sampled token; the answer ends by length when its room is used up."""
        if not self.output_ids:
            self.clock.first_token = time.monotonic()
        self.output_ids.append(token_id)
        if len(self.output_ids) >= self.room:
            self.finish("length")

    def finish(self, reason: FinishReason) -> None:
        """End the sequence; the first reason stays, except that a stop string beats the length."""
        if self.finish_reason is None or (self.finish_reason == "length" and reason == "stop"):
            self.finish_reason = reason
        if self.phase is not Phase.FINISHED:
            self.clock.finished = time.monotonic()
        self.phase = Phase.FINISHED

    def usage(self) -> Usage:
        """Tokens so far."""
        return Usage(len(self.prompt_ids), len(self.output_ids), self.cached_tokens)

    def timings(self) -> Timings:
        """Where the time went; a phase that was never reached took none.

        Queue, load and prefill follow each other from the request to the first token without a gap.
        """
        clock = self.clock
        end = clock.finished or time.monotonic()
        admitted = clock.admitted or end
        first = clock.first_token or end
        decode, prefill = end - first, first - admitted
        decoded = max(0, len(self.output_ids) - 1)
        computed = len(self.prompt_ids) - self.cached_tokens if clock.first_token else 0
        return Timings(
            queue_ms=max(0.0, 1000 * (admitted - clock.received) - clock.load_ms),
            load_ms=clock.load_ms,
            prefill_ms=1000 * prefill,
            time_to_first_token_ms=1000 * (first - clock.received),
            decode_ms=1000 * decode,
            tokens_per_second=decoded / decode if decode > 0 else 0.0,
            prefill_tokens_per_second=computed / prefill if prefill > 0 else 0.0,
            guessed_tokens=self.speculation.proposed,
            accepted_tokens=self.speculation.accepted,
        )
