"""Readers of single settings: from a flag's text, an environment variable or a value of TOML to what it means.

Each raises ValueError with the end of a sentence: what the value must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

_BYTE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    return value.strip()


def path(value: object) -> Path:
    """A path; `~` is the user's home."""
    return Path(text(value)).expanduser()


def yes_or_no(value: object) -> bool:
    """true or false, in one of the words for them."""
    word = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    if isinstance(word, str) and word.lower() in ("true", "yes", "on", "1"):
        return True
    if isinstance(word, str) and word.lower() in ("false", "no", "off", "0"):
        return False
    raise ValueError("must be true or false")


def names(value: object) -> tuple[str, ...]:
    """A list of names, or one text with commas between them."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Sequence) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of names")
    return tuple(part.strip().lower() for part in parts if part.strip())


def byte_count(value: object) -> int:
    """A number of bytes, with or without a unit."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?i?)b?", str(value).strip().lower())
    if isinstance(value, bool) or parts is None or parts[2] not in _BYTE_UNITS or float(parts[1]) <= 0:
        raise ValueError('must be a number of bytes such as "8GiB" or "500MB"')
    return int(float(parts[1]) * _BYTE_UNITS[parts[2]])


def whole_number(low: int, high: int) -> Callable[[object], int]:
    """A reader of whole numbers within these limits."""

    def read(value: object) -> int:
        digits = str(value).strip()
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,12}", digits) or not low <= int(digits) <= high:
            raise ValueError(f"must be a whole number between {low} and {high}")
        return int(digits)

    return read


def one_of(*choices: str) -> Callable[[object], str]:
    """A reader of one of these words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value.lower()

    return read
