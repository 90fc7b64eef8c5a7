"""Notices a worker that owes something and has not said a word for too long. It decides; the fleet acts.

Silence is counted in ticks of the watch itself, not read off a clock: after a machine has slept, or this process was
stopped, nobody is taken for hung because of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Event, Thread

from engine.errors import WorkerFailed
from engine.residents import Resident, Residents

OnHung = Callable[[Resident, WorkerFailed], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, a worker may be silent over one step of answering, and over one part of loading.

    A step of a large model on a slow processor takes minutes; a worker that is sound speaks up between its steps.
    """

    step_seconds: float = 600.0
    loading_seconds: float = 1800.0
    tick_seconds: float = 1.0


DEFAULT_PATIENCE = Patience()


class Watchdog:
    """Watches all residents. `heard` and `overdue` are called with the fleet's lock held."""

    def __init__(self, patience: Patience = DEFAULT_PATIENCE) -> None:
        self._patience = patience
        self._silent: dict[Resident, float] = {}
        self._ended = Event()

    def start(self, lock: Condition, residents: Residents, on_hung: OnHung) -> None:
        """Look at the residents once a tick, and hand on those that hang, without the lock."""
        Thread(target=self._watch, args=(lock, residents, on_hung), name="watchdog", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()

    def heard(self, resident: Resident) -> None:
        """A letter has come from its worker."""
        self._silent.pop(resident, None)

    def overdue(self, residents: Residents) -> list[tuple[Resident, WorkerFailed]]:
        """One tick more of silence for all that owe something; those that are over their limit, with the error."""
        owing = [each for each in residents if each.state == "loading" or (each.state == "ready" and each.runs)]
        tick = self._patience.tick_seconds
        self._silent = {each: self._silent.get(each, 0.0) + tick for each in owing}
        return [(each, _error(each, self._limit(each))) for each in owing if self._silent[each] > self._limit(each)]

    def _limit(self, resident: Resident) -> float:
        return self._patience.loading_seconds if resident.state == "loading" else self._patience.step_seconds

    def _watch(self, lock: Condition, residents: Residents, on_hung: OnHung) -> None:
        while not self._ended.wait(self._patience.tick_seconds):
            with lock:
                hung = self.overdue(residents)
            for resident, error in hung:
                on_hung(resident, error)


def _error(resident: Resident, limit: float) -> WorkerFailed:
    return WorkerFailed(
        f"the worker of {resident.id} was silent for more than {limit:g} s while "
        f"{'it loaded' if resident.state == 'loading' else 'it computed'}, and was ended",
        code="worker_hung",
        hint="Ask again: a new worker will be started. If it happens again, the machine may be far too busy for it.",
    )
