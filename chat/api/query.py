"""What stands behind the question mark of an address: small values, read and bounded."""

from __future__ import annotations

from flask import request

from engine import InvalidRequest


def number(name: str, default: int, low: int, high: int) -> int:
    """A whole number. Raises InvalidRequest for anything else, and for one that is out of range."""
    given = request.args.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or len(given) > 12 or not low <= int(given) <= high:
        raise InvalidRequest(f"{name} must be a whole number between {low} and {high}, not {given[:40]!r}", param=name)
    return int(given)


def choice(name: str, *choices: str) -> str:
    """One of these, the first where nothing is said. Raises InvalidRequest."""
    given = request.args.get(name, choices[0])
    if given not in choices:
        raise InvalidRequest(f"{name} must be one of {', '.join(choices)}, not {given[:40]!r}", param=name)
    return given


def text(name: str, longest: int = 1024) -> str | None:
    """A text, or None. Raises InvalidRequest for one that is too long."""
    given = request.args.get(name)
    if given is not None and len(given) > longest:
        raise InvalidRequest(f"{name} may be at most {longest} characters long", param=name)
    return given
