"""One scripted answer: the events that a worker would send for it, at the pace of the script."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field

from engine import (
    Candidate,
    Completion,
    Done,
    EngineError,
    Failed,
    GenerationRequest,
    Progress,
    SamplingParams,
    Started,
    Token,
)
from engine.letters import FinishReason, Receipt, ScoredToken, Timings, Usage

ANSWER = "A checkpoint is a photograph of a model: its weights at one step of training, kept so that it can be asked."


@dataclass(frozen=True)
class Script:
    """What one answer is like. With an `error` the run fails once `tokens_before_error` tokens have come.

    A silent one sends nothing at all until it is called off; one that lingers says all and then does not end for so
    long, so that whoever stops it need not be quick.
    """

    answer: str = ANSWER
    token_seconds: float = 0.0
    prefill_seconds: float = 0.0
    error: EngineError | None = None
    tokens_before_error: int = 0
    is_silent: bool = False
    lingers_seconds: float = 0.0

    def tokens(self) -> list[str]:
        """The answer cut into words, each with the space before it."""
        return re.findall(r"\s*\S+", self.answer)


@dataclass
class ScriptedRun:
    """One answer on its way: what was asked, where its events go, and whether it was called off."""

    request: GenerationRequest
    completion: Completion
    script: Script
    sampling: SamplingParams
    called_off: threading.Event = field(default_factory=threading.Event)
    born: float = field(default_factory=time.monotonic)
    said: list[str] = field(default_factory=list)
    loaded_at: float = 0.0
    first_token_at: float = 0.0

    def speak(self) -> Done | Failed:
        """Send every event but the last, which is returned."""
        if self.script.is_silent:
            self.called_off.wait()
        elif self.script.prefill_seconds and not self.called_off.is_set():
            self.completion.put(Progress(self.completion.run_id, "prefill", 0.5))
            self.called_off.wait(self.script.prefill_seconds)
        if self.called_off.is_set():
            return self._done("cancelled")
        if self.script.error and self.script.tokens_before_error == 0:
            return Failed(self.completion.run_id, self.script.error)
        self.completion.put(self._started())
        return self._say()

    def _say(self) -> Done | Failed:
        words = self.script.tokens()
        for index, text in enumerate(words[: self.sampling.max_new_tokens]):
            if self.called_off.wait(self.script.token_seconds):
                return self._done("cancelled")
            if self.script.error and index == self.script.tokens_before_error:
                return Failed(self.completion.run_id, self.script.error)
            self.first_token_at = self.first_token_at or time.monotonic()
            self.said.append(text)
            scored = _scored(text, index, self.sampling.logprobs)
            self.completion.put(Token(self.completion.run_id, text, (100 + index,), index, scored))
        if self.script.lingers_seconds and self.called_off.wait(self.script.lingers_seconds):
            return self._done("cancelled")
        return self._done("stop" if len(self.said) == len(words) else "length")

    def _started(self) -> Started:
        return Started(
            run_id=self.completion.run_id,
            model=self.completion.model,
            seed=self._seed,
            prompt_tokens=12,
            cached_tokens=4,
            precision="int8",
            max_new_tokens=self.sampling.max_new_tokens,
            truncated=False,
            queue_position=0,
            template_source="tokenizer_config.json" if self.request.messages else None,
        )

    def _done(self, reason: FinishReason) -> Done:
        now = time.monotonic()
        first = self.first_token_at or now
        timings = Timings(
            queue_ms=0.0,
            load_ms=1000 * (self.loaded_at - self.born),
            prefill_ms=1000 * self.script.prefill_seconds,
            time_to_first_token_ms=1000 * (first - self.born),
            decode_ms=1000 * (now - first),
            tokens_per_second=len(self.said) / (now - first) if now > first else 0.0,
            prefill_tokens_per_second=0.0,
        )
        receipt = Receipt(self.completion.model, "made-up", None, "int8", "cpu", self._seed, "0.1.0")
        usage = Usage(prompt_tokens=12, completion_tokens=len(self.said), cached_tokens=4)
        return Done(self.completion.run_id, reason, "".join(self.said), usage, timings, receipt)

    @property
    def _seed(self) -> int:
        return 1234 if self.sampling.seed is None else self.sampling.seed


def _scored(text: str, index: int, count: int) -> tuple[ScoredToken, ...]:
    if not count:
        return ()
    top = tuple(Candidate(100 + index + rank, text if rank == 0 else f" {rank}", -0.1 - rank) for rank in range(count))
    return (ScoredToken(100 + index, text, -0.1, top),)
