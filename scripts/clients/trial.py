"""What a trial is: something done with one client, which raises when it does not go as its user would expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where the server is, which model it has, where that model's files lie, and a folder to write to."""

    address: str
    model: str
    checkpoint: Path
    scratch: Path

    @property
    def v1(self) -> str:
        """The address that OpenAI's clients want."""
        return f"{self.address}/v1"


@dataclass(frozen=True)
class Trial:
    """One row of the table: `run` raises where something is wrong."""

    client: str
    tried: str
    run: Callable[[Place], None]


def trials(client: str, *runs: Callable[[Place], None]) -> list[Trial]:
    """Trials of one client; what is tried is each one's docstring."""
    return [Trial(client, run.__doc__ or run.__name__, run) for run in runs]


def check(claim: bool, what: str) -> None:
    """Raise AssertionError with these words unless the claim holds."""
    if not claim:
        raise AssertionError(what)
