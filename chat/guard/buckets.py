"""Token buckets: so much per minute and caller, used up at once or little by little. Nothing here knows of HTTP."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

# More callers than this at once make the oldest ones start anew.
MOST_CALLERS = 10_000


class Buckets:
    """One bucket for each caller, which fills up within a minute. A caller may run into debt, and then waits longer."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, caller: str, amount: float = 1.0) -> float:
        """Take so much if the bucket holds something yet; the seconds to wait when it does not, else 0."""
        with self._lock:
            level = self._level(caller)
            wait = self._seconds_until(min(amount, self.per_minute) - level)
            if wait <= 0:
                self._set(caller, level - amount)
            return max(0.0, wait)

    def wait(self, caller: str) -> float:
        """The seconds until the bucket holds anything, 0 when it does now."""
        with self._lock:
            level = self._level(caller)
        return 0.0 if level > 0 else max(0.001, self._seconds_until(-level))

    def charge(self, caller: str, amount: float) -> None:
        """Take what has been used already, into debt if need be."""
        with self._lock:
            self._set(caller, self._level(caller) - amount)

    def _level(self, caller: str) -> float:
        level, at = self._levels.get(caller, (float(self.per_minute), 0.0))
        if caller not in self._levels:
            return level
        return min(float(self.per_minute), level + (self._clock() - at) * self.per_minute / 60)

    def _set(self, caller: str, level: float) -> None:
        self._levels[caller] = level, self._clock()
        self._levels.move_to_end(caller)
        while len(self._levels) > MOST_CALLERS:
            self._levels.popitem(last=False)

    def _seconds_until(self, missing: float) -> float:
        return missing * 60 / self.per_minute
