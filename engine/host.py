"""Where a worker lives: in a process of its own, or in a thread. Both are a pipe with someone at the other end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Lock, Thread
from typing import Protocol

from engine.letters import LoadPlan, Stop

OnLetter = Callable[[object], None]
OnEnd = Callable[[str], None]
FAREWELL_SECONDS = 2.0


class Host(Protocol):
    """A worker. `on_end` is called once, with the reason in words, when no letter will come any more."""

    def start(self) -> None:
        """Begin; letters come from now on."""

    def send(self, letter: object) -> None:
        """Put a letter into the worker's inbox; lost when the worker is gone."""

    def stop(self, reason: str) -> None:
        """End the worker and wait until it is gone, by force if it does not go."""


class _PipeHost:
    """What both kinds share: a reader thread on our end of the pipe, and sending that never tears."""

    def __init__(self, on_letter: OnLetter, on_end: OnEnd) -> None:
        self._on_letter = on_letter
        self._on_end = on_end
        self._sending = Lock()
        self._pipe: Connection

    def send(self, letter: object) -> None:
        try:
            with self._sending:
                self._pipe.send(letter)
        except (BrokenPipeError, ConnectionResetError, OSError):
            return  # The reader thread sees the same end and reports it.

    def _listen(self, name: str) -> None:
        self._reader = Thread(target=self._read, name=f"letters of {name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                letter = self._pipe.recv()
            except (EOFError, OSError):
                break
            if letter is None:
                break
            self._on_letter(letter)
        with self._sending:
            self._pipe.close()
        self._on_end(self._reason())

    def _reason(self) -> str:
        raise AssertionError("each kind of host knows its own")


class ProcessHost(_PipeHost):
    """A worker in a process: unloading returns every byte, and its death takes nobody along."""

    def __init__(self, plan: LoadPlan, on_letter: OnLetter, on_end: OnEnd) -> None:
        super().__init__(on_letter, on_end)
        context = process_context()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=run_in_process, args=(plan, theirs), name=f"parley {plan.checkpoint_id}", daemon=True
        )
        self._theirs = theirs
        self._name = plan.checkpoint_id

    def start(self) -> None:
        start_forkserver()
        self._process.start()
        self._theirs.close()
        self._listen(self._name)

    def stop(self, reason: str) -> None:
        # A worker that hangs does not empty its pipe: the letter may wait for ever, the end may not.
        Thread(target=self.send, args=(Stop(reason),), daemon=True).start()
        self._process.join(FAREWELL_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._reader.join(FAREWELL_SECONDS)
        self._process.close()

    def _reason(self) -> str:
        try:
            self._process.join(FAREWELL_SECONDS)
            code = self._process.exitcode
        except ValueError:
            return "its process was stopped"
        if code is None:
            return f"its process {self._process.pid} closed its pipe"
        if code == -signal.SIGBUS:
            return f"its process {self._process.pid} was ended by SIGBUS: a file became shorter while it was read"
        if code < 0:
            return f"its process {self._process.pid} was ended by {_signal_name(-code)}"
        return f"its process {self._process.pid} ended with exit code {code}"


class ThreadHost(_PipeHost):
    """A worker in a thread of this process, for tests and for debugging."""

    def __init__(self, plan: LoadPlan, on_letter: OnLetter, on_end: OnEnd) -> None:
        super().__init__(on_letter, on_end)
        from engine.worker import work

        self._pipe, theirs = multiprocessing.Pipe()
        self._thread = Thread(target=_run_in_thread, args=(work, plan, theirs), name="worker", daemon=True)
        self._name = plan.checkpoint_id

    def start(self) -> None:
        self._thread.start()
        self._listen(self._name)

    def stop(self, reason: str) -> None:
        self.send(Stop(reason))
        self._thread.join()

    def _reason(self) -> str:
        return "its thread ended"


def process_context() -> multiprocessing.context.BaseContext:
    """Forkserver with the worker's modules preloaded, so that a load does not pay their import; spawn elsewhere."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["engine.worker", "engine.models.llama"])
    return context


def start_forkserver() -> None:
    """Start the process that workers are forked from; it imports torch while nobody waits."""
    context = process_context()
    if context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        # How long a thread of OpenMP waits awake is read when torch is imported. Its own choice, milliseconds, makes
        # a step several times slower as soon as anything else runs on the cores; this is about a tenth of that.
        os.environ.setdefault("GOMP_SPINCOUNT", "20000")
        # Ctrl-C reaches the whole group of processes; this one ends by itself when the server does.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_in_process(plan: LoadPlan, pipe: Connection) -> None:
    """A worker process's whole life. Ctrl-C is the server's business: it tells the worker to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from engine.worker import work

    work(plan, pipe)
    sys.stdout.flush()


def _run_in_thread(work: Callable[[LoadPlan, Connection], None], plan: LoadPlan, pipe: Connection) -> None:
    try:
        work(plan, pipe)
    finally:
        # A process's end closes its pipe; a thread says that it was the last letter.
        with suppress(BrokenPipeError):
            pipe.send(None)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
