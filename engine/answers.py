"""The runs that a worker answers: begun, gone on with, ended. Each comes to exactly one last event.

What is computed, and when, is not decided here.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from itertools import accumulate

from torch import Tensor

from engine.answer import Answer
from engine.errors import EngineError, WorkerFailed
from engine.letters import Event, Failed, Progress, Submit
from engine.loader import Loaded
from engine.sampling import Choice, choose_all
from engine.scheduler import Scheduler, Span
from engine.sequence import Phase

logger = logging.getLogger(__name__)


class Answers:
    """All runs of one model. What a method makes happen comes back as events."""

    def __init__(self, checkpoint_id: str, loaded: Loaded, scheduler: Scheduler) -> None:
        self._checkpoint_id = checkpoint_id
        self._loaded = loaded
        self._scheduler = scheduler
        self._answers: dict[str, Answer] = {}
        # A cancel may overtake the letter that it belongs to.
        self._cancelled: deque[str] = deque(maxlen=1024)

    def accept(self, letter: Submit) -> list[Event]:
        """Begin a run; it waits for its place in the batch, or is refused."""
        try:
            answer = Answer(letter, self._loaded, self._checkpoint_id)
        except EngineError as error:
            return [Failed(letter.run_id, error)]
        except Exception as error:  # One request must not end the others, whatever it brought.
            logger.exception("run %s could not be begun", letter.run_id)
            return [Failed(letter.run_id, WorkerFailed(f"the request could not be begun: {error!r}"))]
        self._answers[letter.run_id] = answer
        if self.was_cancelled(letter.run_id):
            answer.sequence.finish("cancelled")
            return self._close(answer)
        return [Progress(letter.run_id, "queued", queue_position=self._scheduler.add(answer.sequence))]

    def cancel(self, run_id: str) -> list[Event]:
        """End a run early; one that is not known yet is ended when its letter comes."""
        answer = self._answers.get(run_id)
        if answer is None:
            self._cancelled.append(run_id)
            return []
        answer.sequence.finish("cancelled")
        return self._close(answer)

    def was_cancelled(self, run_id: str) -> bool:
        """Whether a cancel came for a run before its letter."""
        return run_id in self._cancelled

    def started(self, run_id: str) -> Event:
        """The event of a run that just got its place in the batch."""
        return self._answers[run_id].started()

    def go_on(self, spans: Sequence[Span], logits: Tensor) -> list[Event]:
        """What follows from computed spans: (N, vocab_size) has a row for each last one, and for each guess in it."""
        for span in spans:
            self._scheduler.computed(span)
        last = [span for span in spans if span.is_last]
        firsts = list(accumulate((1 + span.guessed for span in last), initial=0))[:-1]
        answers = [self._answers[span.sequence.run_id] for span in last]
        events: list[Event] = [_prefill(span) for span in spans if not span.is_last]
        if answers:
            events += self._choose(answers, logits if len(firsts) == len(logits) else logits[firsts])
        for answer, first in zip(answers, firsts, strict=True):
            events += self._verify(answer, logits[first + 1 : first + 1 + len(answer.sequence.guess)])
            if answer.sequence.phase is Phase.FINISHED and self._is_alive(answer):
                events += self._close(answer)
        return events

    def fail_all(self, error: EngineError) -> list[Event]:
        """End every run with this error."""
        return [event for answer in list(self._answers.values()) for event in self._fail(answer, error)]

    def _verify(self, answer: Answer, rows: Tensor) -> list[Event]:
        """Go on through the rows behind guesses, while the guess before each came true."""
        sequence, guess, accepted, events = answer.sequence, answer.sequence.guess, 0, []
        while accepted < len(guess) and self._goes_on(answer) and sequence.output_ids[-1] == guess[accepted]:
            events += self._choose([answer], rows[accepted : accepted + 1])
            accepted += 1
        if self._is_alive(answer):
            self._scheduler.accept(sequence, accepted)
        return events

    def _choose(self, answers: Sequence[Answer], logits: Tensor) -> list[Event]:
        """A token for each of the answers, from logits (N, vocab_size); one that fails does not end the others."""
        known = logits[:, : self._loaded.tokenizer.size]  # (N, known): ids beyond the vocabulary have no text
        events: list[Event] = []
        for answer, choice in zip(answers, choose_all(known, [each.wish() for each in answers]), strict=True):
            failed = isinstance(choice, EngineError)
            events += self._fail(answer, choice) if failed else self._take(answer, choice)
        return events

    def _take(self, answer: Answer, choice: Choice) -> list[Event]:
        try:
            return answer.take(choice)
        except EngineError as error:
            return self._fail(answer, error)
        except Exception as error:  # One answer must not end the others.
            logger.exception("run %s could not go on", answer.sequence.run_id)
            return self._fail(answer, WorkerFailed(f"choosing a token failed: {error!r}", code="computation_failed"))

    def _is_alive(self, answer: Answer) -> bool:
        return answer.sequence.run_id in self._answers

    def _goes_on(self, answer: Answer) -> bool:
        return self._is_alive(answer) and answer.sequence.phase is not Phase.FINISHED

    def _fail(self, answer: Answer, error: EngineError) -> list[Event]:
        self._forget(answer)
        return [Failed(answer.sequence.run_id, error)]

    def _close(self, answer: Answer) -> list[Event]:
        self._forget(answer)
        return answer.finish()

    def _forget(self, answer: Answer) -> None:
        self._scheduler.remove(answer.sequence)
        del self._answers[answer.sequence.run_id]


def _prefill(span: Span) -> Progress:
    sequence = span.sequence
    return Progress(sequence.run_id, "prefill", fraction=sequence.computed / len(sequence.prompt_ids))
