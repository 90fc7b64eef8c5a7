"""The one loop that touches torch: take letters, compute a step, send what happened.

It runs in a process of its own, or in a thread for tests; it knows only its two ends of a pipe.
"""

from __future__ import annotations

import logging
import os
import time
from multiprocessing.connection import Connection

import psutil
import torch

from engine.answers import Answers
from engine.errors import EngineError, Overloaded, WorkerFailed
from engine.inbox import Inbox, LoadReporter
from engine.inquiries import Inquiries
from engine.letters import Ask, Cancel, Event, LoadFailed, LoadPlan, Progress, Ready, Step, Stop, Submit
from engine.loader import Loaded, load_model
from engine.runner import Runner
from engine.scheduler import Scheduler
from engine.slots import SlotPool

logger = logging.getLogger(__name__)

# A long question makes no events; an empty step says that the worker does not hang.
HEARTBEAT_SECONDS = 1.0


def work(plan: LoadPlan, pipe: Connection) -> None:
    """Load the checkpoint and serve it until a `Stop` or the end of the pipe. Nothing is raised: letters tell."""
    inbox = Inbox(pipe)
    started = time.monotonic()
    try:
        loaded = load_model(plan, LoadReporter(pipe, inbox))
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


class Worker:
    """One loaded model, its cache and its batch."""

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
        self._answers = Answers(plan.checkpoint_id, loaded, self._scheduler)
        self._inquiries = Inquiries(loaded, self._tokens_of_an_inquiry)
        self._events: list[Event] = []
        self._model_bytes = 0
        self._sent_at = 0.0
        self._is_stopping = False

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
                self._events += self._answers.accept(letter)
            case Ask():
                self._inquiries.add(letter)
                if self._answers.was_cancelled(letter.run_id):
                    self._events += self._inquiries.cancel(letter.run_id)
            case Cancel(run_id):
                self._events += self._inquiries.cancel(run_id) or self._answers.cancel(run_id)
            case Stop(reason):
                self._is_stopping = True
                error = Overloaded(f"the model was stopped: {reason}", code="model_unloaded")
                self._events += self._answers.fail_all(error) + self._inquiries.fail_all(error)

    def _tokens_of_an_inquiry(self) -> int:
        return self._plan.tokens_per_step if self._scheduler.is_idle else max(1, self._scheduler.spare_tokens)

    def _step(self) -> None:
        try:
            self._admit()
            self._send()  # Who starts hears of it before the first of the computing.
            spans = self._scheduler.next_batch(shares=2 if self._inquiries else 1)
            if not spans:
                return
            started = time.monotonic()
            self._events += self._answers.go_on(spans, self._runner.run(spans))
        except OSError:
            raise  # The pipe is gone.
        except Exception as error:  # Whatever broke, the next step may go well.
            logger.exception("a step failed")
            self._events += self._answers.fail_all(_computation_failed(error))
            self._forget_everything()
            return
        self._scheduler.took(spans, time.monotonic() - started)

    def _admit(self) -> None:
        before = [each.run_id for each in self._scheduler.waiting]
        for admission in self._scheduler.admit():
            placement = admission.placement
            for index in placement.emptied:
                self._loaded.cache.drop(index)
            self._loaded.cache.keep(placement.slot, placement.cached)
            if placement.copy_from is not None:
                self._loaded.cache.copy(placement.copy_from, placement.slot, placement.cached)
            self._events.append(self._answers.started(admission.sequence.run_id))
        waiting = [each.run_id for each in self._scheduler.waiting]
        if waiting != before:
            self._events += [Progress(run_id, "queued", queue_position=at) for at, run_id in enumerate(waiting)]

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
