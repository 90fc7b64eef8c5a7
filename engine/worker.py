"""The one loop that touches torch: take letters, compute a step, send what happened.

It runs in a process of its own, or in a thread for tests; it knows only its two ends of a pipe.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Condition, Thread

import psutil
import torch
from torch import Tensor

from engine.answer import Answer
from engine.errors import EngineError, LoadCancelled, Overloaded, WorkerFailed
from engine.inquiries import Inquiries
from engine.letters import (
    Ask,
    Cancel,
    Event,
    Failed,
    LoadFailed,
    Loading,
    LoadPlan,
    Progress,
    Ready,
    Step,
    Stop,
    Submit,
)
from engine.loader import Loaded, load_model
from engine.runner import Runner
from engine.scheduler import Scheduler, Span
from engine.sequence import Phase
from engine.slots import SlotPool

logger = logging.getLogger(__name__)

REPORT_SECONDS = 0.05
# A long question makes no events; an empty step says that the worker does not hang.
HEARTBEAT_SECONDS = 1.0


class Inbox:
    """Letters as they come in. A thread empties the pipe, so that a long step never blocks the sender."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._letters: deque[object] = deque()
        self._changed = Condition()
        self.is_stopped = False
        Thread(target=self._read, name="inbox", daemon=True).start()

    def take(self, *, block: bool) -> list[object]:
        """All letters that are there; with `block` at least one."""
        with self._changed:
            if block:
                self._changed.wait_for(lambda: self._letters)
            letters = list(self._letters)
            self._letters.clear()
            return letters

    def _read(self) -> None:
        letter: object = None
        while not isinstance(letter, Stop):
            try:
                letter = self._pipe.recv()
            except (EOFError, OSError):
                letter = Stop("the server is gone")
            with self._changed:
                self.is_stopped = isinstance(letter, Stop)
                self._letters.append(letter)
                self._changed.notify_all()


def work(plan: LoadPlan, pipe: Connection) -> None:
    """Load the checkpoint and serve it until a `Stop` or the end of the pipe. Nothing is raised: letters tell."""
    inbox = Inbox(pipe)
    started = time.monotonic()
    try:
        loaded = load_model(plan, _Reporter(pipe, inbox))
        worker = Worker(plan, loaded, inbox, pipe)
        pipe.send(worker.ready(time.monotonic() - started))
    except EngineError as error:
        _last_words(pipe, LoadFailed(error))
        return
    except Exception as error:
        _last_words(pipe, LoadFailed(WorkerFailed(f"loading {plan.checkpoint_id} failed: {error!r}")))
        raise
    try:
        worker.run()
    except (BrokenPipeError, ConnectionResetError):
        return  # Nobody is left to tell.


def _last_words(pipe: Connection, letter: LoadFailed) -> None:
    try:
        pipe.send(letter)
    except (BrokenPipeError, ConnectionResetError):
        return  # Nobody is left to tell.


@dataclass(slots=True)
class _Reporter:
    """Sends loading progress, a few times a second, and calls the loading off when the worker is to stop."""

    pipe: Connection
    inbox: Inbox
    last_stage: str = ""
    last_sent: float = 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        if self.inbox.is_stopped:
            raise LoadCancelled("loading was called off")
        now = time.monotonic()
        if stage == self.last_stage and fraction < 1.0 and now - self.last_sent < REPORT_SECONDS:
            return
        self.last_stage, self.last_sent = stage, now
        self.pipe.send(Loading(stage, fraction))


class Worker:
    """One loaded model and the runs it answers."""

    def __init__(self, plan: LoadPlan, loaded: Loaded, inbox: Inbox, pipe: Connection) -> None:
        self._plan = plan
        self._loaded = loaded
        self._inbox = inbox
        self._pipe = pipe
        self._pool = SlotPool(plan.max_running, loaded.cache_tokens, loaded.cache.capacity)
        self._scheduler = Scheduler(
            self._pool,
            max_running=plan.max_running,
            tokens_per_step=plan.tokens_per_step,
            # By the kernels a row gives the same bits in any company, so that guessing changes no text.
            speculates=plan.speculation and loaded.kernels is not None,
        )
        self._runner = Runner(loaded.model, loaded.cache, loaded.device, loaded.kernels)
        self._answers: dict[str, Answer] = {}
        self._inquiries = Inquiries(loaded, self._tokens_of_an_inquiry)
        self._events: list[Event] = []
        self._model_bytes = 0
        self._sent_at = 0.0
        self._is_stopping = False
        # A cancel may overtake the letter that it belongs to.
        self._cancelled: deque[str] = deque(maxlen=1024)

    def ready(self, load_seconds: float) -> Ready:
        """What the worker has become."""
        self._model_bytes = psutil.Process().memory_full_info().uss
        loaded = self._loaded
        return Ready(
            loaded.precision,
            str(loaded.device),
            os.getpid(),
            self._model_bytes,
            loaded.context_length,
            load_seconds,
            loaded.inferred,
            loaded.cache_tokens * loaded.cache.bytes_per_token,
        )

    def run(self) -> None:
        """Serve until a `Stop`."""
        while not self._is_stopping:
            for letter in self._inbox.take(block=self._scheduler.is_idle and not self._inquiries):
                self._obey(letter)
            self._send()
            if not self._is_stopping:
                self._step()
                self._events += self._inquiries.work()
                self._send()

    def _obey(self, letter: object) -> None:
        match letter:
            case Submit():
                self._accept(letter)
            case Ask():
                self._inquiries.add(letter)
                if letter.run_id in self._cancelled:
                    self._events += self._inquiries.cancel(letter.run_id)
            case Cancel():
                self._cancel(letter.run_id)
            case Stop():
                self._is_stopping = True
                error = Overloaded(f"the model was stopped: {letter.reason}", code="model_unloaded")
                self._fail_all(error)
                self._events += self._inquiries.fail_all(error)

    def _accept(self, letter: Submit) -> None:
        try:
            answer = Answer(letter, self._loaded, self._plan.checkpoint_id)
        except EngineError as error:
            self._events.append(Failed(letter.run_id, error))
            return
        except Exception as error:  # One request must not end the others, whatever it brought.
            logger.exception("run %s could not be begun", letter.run_id)
            self._events.append(Failed(letter.run_id, WorkerFailed(f"the request could not be begun: {error!r}")))
            return
        self._answers[letter.run_id] = answer
        if letter.run_id in self._cancelled:
            answer.sequence.finish("cancelled")
            self._close(answer)
            return
        position = self._scheduler.add(answer.sequence)
        self._events.append(Progress(letter.run_id, "queued", queue_position=position))

    def _tokens_of_an_inquiry(self) -> int:
        return self._plan.tokens_per_step if self._scheduler.is_idle else max(1, self._plan.tokens_per_step // 8)

    def _cancel(self, run_id: str) -> None:
        self._events += self._inquiries.cancel(run_id)
        answer = self._answers.get(run_id)
        if answer is None:
            self._cancelled.append(run_id)
        if answer is not None and answer.sequence.phase is not Phase.FINISHED:
            answer.sequence.finish("cancelled")
            self._close(answer)

    def _step(self) -> None:
        try:
            self._admit()
            self._send()  # Who starts hears of it before the first of the computing.
            spans = self._scheduler.next_batch()
            if not spans:
                return
            logits = self._runner.run(spans)
        except OSError:
            raise  # The pipe is gone.
        except Exception as error:  # Whatever broke, the next step may go well.
            logger.exception("a step failed")
            self._fail_all(_computation_failed(error))
            self._forget_everything()
            return
        last = iter(logits)
        for span in spans:
            rows = [next(last) for _ in range(1 + span.guessed)] if span.is_last else []
            self._scheduler.computed(span)
            answer = self._answers[span.sequence.run_id]
            if rows:
                self._choose_all(answer, rows)
            else:
                self._events.append(_prefill(span))
            if answer.sequence.phase is Phase.FINISHED and span.sequence.run_id in self._answers:
                self._close(answer)

    def _choose_all(self, answer: Answer, rows: Sequence[Tensor]) -> None:
        """Choose from the first row, and from each next one while the guess before it came true."""
        sequence, guess = answer.sequence, answer.sequence.guess
        for accepted, logits in enumerate(rows):
            self._choose(answer, logits)
            is_over = sequence.phase is Phase.FINISHED or sequence.run_id not in self._answers
            if is_over or accepted == len(guess) or sequence.output_ids[-1] != guess[accepted]:
                break
        if sequence.run_id in self._answers:
            self._scheduler.accept(sequence, accepted)

    def _choose(self, answer: Answer, logits: Tensor) -> None:
        try:
            self._events += answer.choose(logits)
        except EngineError as error:
            self._fail(answer, error)
        except Exception as error:  # One answer must not end the others.
            logger.exception("run %s could not go on", answer.sequence.run_id)
            self._fail(answer, WorkerFailed(f"choosing a token failed: {error!r}", code="computation_failed"))

    def _fail(self, answer: Answer, error: EngineError) -> None:
        self._scheduler.remove(answer.sequence)
        del self._answers[answer.sequence.run_id]
        self._events.append(Failed(answer.sequence.run_id, error))

    def _admit(self) -> None:
        before = [each.run_id for each in self._scheduler.waiting]
        for admission in self._scheduler.admit():
            placement = admission.placement
            for index in placement.emptied:
                self._loaded.cache.drop(index)
            if placement.cached == 0:
                self._loaded.cache.drop(placement.slot)
            if placement.copy_from is not None:
                self._loaded.cache.copy(placement.copy_from, placement.slot, placement.cached)
            self._events.append(self._answers[admission.sequence.run_id].started())
        waiting = [each.run_id for each in self._scheduler.waiting]
        if waiting != before:
            self._events += [Progress(run_id, "queued", queue_position=at) for at, run_id in enumerate(waiting)]

    def _close(self, answer: Answer) -> None:
        self._scheduler.remove(answer.sequence)
        del self._answers[answer.sequence.run_id]
        self._events += answer.finish()

    def _fail_all(self, error: EngineError) -> None:
        for answer in list(self._answers.values()):
            self._fail(answer, error)

    def _forget_everything(self) -> None:
        """Return the memory of all slots: nobody runs, and what a broken step left in them is not known."""
        for slot in self._pool.slots:
            self._pool.forget(slot.index)
            self._loaded.cache.drop(slot.index)

    def _send(self) -> None:
        now = time.monotonic()
        if not self._events and now - self._sent_at < HEARTBEAT_SECONDS:
            return
        self._sent_at = now
        running, waiting, held = len(self._scheduler.running), len(self._scheduler.waiting), self._loaded.cache.bytes
        self._pipe.send(Step(tuple(self._events), running, waiting, self._model_bytes + held, held))
        self._events.clear()


def _computation_failed(error: Exception) -> WorkerFailed:
    is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    if not is_memory:
        return WorkerFailed(f"computing failed: {error!r}", code="computation_failed")
    return WorkerFailed(
        f"the model ran out of memory while it computed: {error}",
        code="out_of_memory",
        hint="Ask for fewer or shorter answers at once, unload another model, or load with a smaller context_length.",
    )


def _prefill(span: Span) -> Progress:
    sequence = span.sequence
    return Progress(sequence.run_id, "prefill", fraction=sequence.computed / len(sequence.prompt_ids))
