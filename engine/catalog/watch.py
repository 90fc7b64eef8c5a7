"""Look at the checkpoints folder every few seconds and say what is different. Polling sees network disks too."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

from engine.catalog.scan import Difference, Scanner

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_SCANS = 2.0


class Watch:
    """A thread that scans again and again until it is closed."""

    def __init__(self, scanner: Scanner, on_difference: Callable[[Difference], None]) -> None:
        self._scanner = scanner
        self._on_difference = on_difference
        self._closed = Event()
        self._thread = Thread(target=self._run, name="checkpoint watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(SECONDS_BETWEEN_SCANS):
            try:
                self._on_difference(self._scanner.scan())
            except Exception:
                # The folder may be on a disk that comes and goes; the next look may succeed.
                logger.exception("looking for checkpoints failed; trying again in %s s", SECONDS_BETWEEN_SCANS)
