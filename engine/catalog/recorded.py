"""What stands in a pickle for objects that are not made: names, calls that were only written down, keys of any kind."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

_PLAIN_KEYS = (str, bytes, int, float, type(None))


@dataclass(frozen=True, slots=True)
class Global:
    """The name of something that the pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Recorded:
    """An object that was not made: what would have been called, with what, and what it would have been filled with."""

    kind: Any
    arguments: tuple[Any, ...] = ()
    state: dict[Any, Any] = field(default_factory=dict)
    items: dict[Any, Any] = field(default_factory=dict)
    appended: list[Any] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class OddKey:
    """A key of a dictionary that is neither text nor a number; it equals itself only, so comparing costs nothing."""

    value: Any


def as_key(value: Any) -> Hashable:
    """The value as a dictionary's key, whose hash is cheap whatever the value holds."""
    # A whole number beyond 64 bits could be chosen to collide with others and make dictionaries slow.
    is_plain = isinstance(value, _PLAIN_KEYS) and not (isinstance(value, int) and value.bit_length() > 64)
    return value if is_plain else OddKey(value)
