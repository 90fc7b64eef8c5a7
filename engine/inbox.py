"""A worker's end of the pipe: letters as they come in, and the loading's progress as it goes out."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Condition, Thread

from engine.errors import LoadCancelled
from engine.letters import Loading, Stop

REPORT_SECONDS = 0.05


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

    def put(self, letter: object) -> None:
        """Add a letter behind those that are there."""
        with self._changed:
            self._letters.append(letter)
            self._changed.notify_all()

    def _read(self) -> None:
        letter: object = None
        while not isinstance(letter, Stop):
            try:
                letter = self._pipe.recv()
            except (EOFError, OSError):
                letter = Stop("the server is gone")
            self.is_stopped = isinstance(letter, Stop)
            self.put(letter)


@dataclass(slots=True)
class LoadReporter:
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
