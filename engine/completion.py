"""The mailbox between a worker and the one reader of a run. Events go in from any thread and come out in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition

from engine.errors import LoadCancelled
from engine.letters import TERMINAL, Answered, Done, Event, Failed
from engine.questions import Reply


class Completion:
    """One run as its reader sees it: iterate over its events, or cancel it.

    The last event is exactly one `Done`, `Failed` or, for a question, `Answered`; whatever comes after it is dropped.
    """

    def __init__(self, run_id: str, model: str, on_cancel: Callable[[str], None]) -> None:
        self.run_id = run_id
        self.model = model
        self._on_cancel = on_cancel
        self._events: deque[Event] = deque()
        self._changed = Condition()
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether the run has ended; events may still wait to be read."""
        return self._closed

    def put(self, event: Event) -> bool:
        """Add an event; False when the run had already ended."""
        with self._changed:
            if self._closed:
                return False
            self._closed = isinstance(event, TERMINAL)
            self._events.append(event)
            self._changed.notify_all()
            return True

    def next(self, timeout_seconds: float | None = None) -> Event | None:
        """The next event, or None when none came in time or the last one was already read."""
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._closed, timeout_seconds)
            return self._events.popleft() if self._events else None

    def peek(self, timeout_seconds: float) -> Event | None:
        """The next event without taking it, or None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._events, timeout_seconds)
            return self._events[0] if self._events else None

    def cancel(self) -> None:
        """Ask for an early end; safe to call at any time, any number of times."""
        if not self._closed:
            self._on_cancel(self.run_id)

    def __iter__(self) -> Iterator[Event]:
        while (event := self.next()) is not None:
            yield event

    def reply(self, timeout_seconds: float | None = None) -> Reply:
        """A question's reply. Raises its own error, LoadCancelled when it was called off, or `TimeoutError`."""
        last = self._last(timeout_seconds)
        if isinstance(last, Done):
            raise LoadCancelled("the question was called off", code="cancelled")
        return last.reply

    def result(self, timeout_seconds: float | None = None) -> Done:
        """Read to the end. Raises the run's own error, or `TimeoutError` after `timeout_seconds`."""
        return self._last(timeout_seconds)

    def _last(self, timeout_seconds: float | None) -> Done | Answered:
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            event = self.next(left)
            if event is None:
                raise TimeoutError(f"run {self.run_id} did not end in {timeout_seconds} s")
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Done | Answered):
                return event

    def text(self, timeout_seconds: float | None = None) -> str:
        """The whole answer."""
        return self.result(timeout_seconds).text
