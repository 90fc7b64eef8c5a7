"""What the views share: one value per app that holds the settings, the engine and what is alive."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from flask import current_app

from chat.access import Access
from chat.guard.limits import Limits
from chat.guard.visitors import current_visitor
from chat.metrics import Metrics
from chat.pump import Pumps
from chat.runs import Runs
from chat.settings import Settings
from chat.sse import Gate, Place
from chat.store.opening import Store, StoreDoor
from engine import Engine, EngineError
from training.jobs import Jobs
from training.runs import Runs as TrainingRuns

SECONDS_FOR_THE_FIRST_PAGE = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """The parts of one running server. `stopping` is set once, when the server shuts down."""

    settings: Settings
    engine: Engine
    runs: Runs
    streams: Gate
    stopping: threading.Event
    door: StoreDoor
    pumps: Pumps
    access: Access | None
    limits: Limits
    metrics: Metrics
    training: TrainingRuns
    jobs: Jobs

    @property
    def gate(self) -> Place:
        """A place among the answers on their way, for whoever sent the current request."""
        return self.streams.place(current_visitor().name)

    @property
    def store(self) -> Store:
        """What is remembered. Raises StoreProblem where the database cannot be opened."""
        return self.door.open()

    def warm_up(self) -> None:
        """Open the store without waiting for it, and count what happens to models.

        What a dead server left in the middle is marked so.
        """
        self.metrics.follow(self.engine, self.stopping)
        threading.Thread(target=self._open_early, name="store", daemon=True).start()

    def _open_early(self) -> None:
        # Importing what the store needs would take the time in which the first page is asked for.
        if self.stopping.wait(SECONDS_FOR_THE_FIRST_PAGE):
            return
        try:
            self.door.open()
        except EngineError as error:
            _log.warning("conversations are not available: %s. %s", error.message, error.hint)
        self.jobs.resume()

    def close(self) -> None:
        """End in order: the engine ends every run, what came of each is written down, the database is let go."""
        self.jobs.close()
        self.engine.close()
        self.pumps.close()
        self.door.close()


def parts() -> Parts:
    """The parts of the app that answers the current request."""
    return current_app.extensions["parley"]


def current_owner() -> str | None:
    """Whose conversations the current request may see; None where there are no accounts."""
    return current_visitor().owner
