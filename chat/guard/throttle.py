"""How often somebody may fail to sign in: five times at will, then after waits that double up to a quarter of an hour.

It is counted in the database, so that a new start of the server does not forgive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from chat.errors import TooManyRequests

if TYPE_CHECKING:
    from chat.store.sessions import Sessions

FREE_FAILURES = 5
LONGEST_WAIT_SECONDS = 900
# One name from many places may fail more often than one name from one place.
FREE_FAILURES_OF_A_NAME = 50


class SignInThrottle:
    """Says how long to wait; `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def subjects(self, name: str, address: str) -> tuple[str, str]:
        """What failures are counted by: a name from one address, and the name from anywhere."""
        known_as = hashlib.blake2b(name.strip().casefold().encode(errors="replace"), digest_size=16).hexdigest()
        return f"{known_as}@{address[:64]}", known_as

    def check(self, sessions: Sessions, subjects: tuple[str, str]) -> None:
        """Raise TooManyRequests while the wait after the last failure is not over."""
        found = sessions.failures(subjects)
        waits = [
            self._wait(*found[subject], free)
            for subject, free in zip(subjects, (FREE_FAILURES, FREE_FAILURES_OF_A_NAME), strict=True)
            if subject in found
        ]
        seconds = max(waits, default=0.0)
        if seconds > 0:
            raise TooManyRequests("too many sign-ins failed", seconds=seconds)

    def failed(self, sessions: Sessions, subjects: tuple[str, str]) -> None:
        """Count a failure."""
        sessions.note_failure(subjects, int(1000 * self._clock()))

    def succeeded(self, sessions: Sessions, subjects: tuple[str, str]) -> None:
        """Whoever knows the password starts anew; a failure before it was counted for the name too."""
        sessions.forget_failures(subjects)

    def _wait(self, failures: int, last_at_ms: int, free: int) -> float:
        if failures < free:
            return 0.0
        wait = min(LONGEST_WAIT_SECONDS, 2.0 ** min(failures - free + 1, 20))
        return last_at_ms / 1000 + wait - self._clock()
