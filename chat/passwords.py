"""Passwords: hashed by scrypt, two at a time, since each takes a fifth of a second and 32 MB."""

from __future__ import annotations

import functools
import threading

from werkzeug.security import check_password_hash, generate_password_hash

from engine import InvalidRequest

SHORTEST, LONGEST = 8, 1024
_turns = threading.BoundedSemaphore(2)


def hashed(password: str) -> str:
    """What is kept of a password. Raises InvalidRequest for one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidRequest(f"a password has {SHORTEST} to {LONGEST} characters", param="password")
    with _turns:
        return generate_password_hash(password, method="scrypt")


def is_right(password: str, kept: str | None) -> bool:
    """Whether that is the password; without a hash it takes as long and says no."""
    with _turns:
        fits = check_password_hash(kept or _hash_of_nothing(), password[:LONGEST])
    return fits and kept is not None


@functools.cache
def _hash_of_nothing() -> str:
    return generate_password_hash("", method="scrypt")
