"""The questions that a worker has before it: each gets its turn, a chunk at a time, and exactly one last event."""

from __future__ import annotations

import logging
from collections.abc import Callable

from engine.errors import EngineError, LoadCancelled, WorkerFailed
from engine.inquiry import Steps, inquire
from engine.letters import Answered, Ask, Event, Failed
from engine.loader import Loaded

logger = logging.getLogger(__name__)


class Inquiries:
    """Questions to one model. `chunk()` says how many tokens a turn may take."""

    def __init__(self, loaded: Loaded, chunk: Callable[[], int]) -> None:
        self._loaded = loaded
        self._chunk = chunk
        self._open: dict[str, Steps] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, letter: Ask) -> None:
        """Take in a question."""
        self._open[letter.run_id] = inquire(letter.question, self._loaded, self._chunk)

    def cancel(self, run_id: str) -> list[Event]:
        """Drop a question; the event that says so, or none when there is no such question."""
        if self._open.pop(run_id, None) is None:
            return []
        return [Failed(run_id, LoadCancelled("the question was called off", code="cancelled"))]

    def fail_all(self, error: EngineError) -> list[Event]:
        """Drop every question."""
        events: list[Event] = [Failed(run_id, error) for run_id in self._open]
        self._open.clear()
        return events

    def work(self) -> list[Event]:
        """Work a little on the question whose turn it is; its last event, if it came to that."""
        if not self._open:
            return []
        run_id, steps = next(iter(self._open.items()))
        del self._open[run_id]
        try:
            next(steps)
        except StopIteration as end:
            return [Answered(run_id, end.value)]
        except EngineError as error:
            return [Failed(run_id, error)]
        except Exception as error:  # One question must not end what else is answered.
            logger.exception("question %s could not be answered", run_id)
            return [Failed(run_id, WorkerFailed(f"computing failed: {error!r}", code="computation_failed"))]
        self._open[run_id] = steps  # Behind the others.
        return []
