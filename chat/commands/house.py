"""What commands that change who may come in share: the settings, the database, the secret, and lines of a table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from chat.errors import StoreProblem
from chat.secret import SecretProblem, read_or_make_secret
from chat.settings import FILE, Settings, SettingsError, given_settings
from chat.store.opening import Store, StoreDoor
from engine import EngineError

START_AGAIN = "A server that asked nobody so far asks from its next start on.\n"
Act = Callable[["House", argparse.Namespace], int]


@dataclass(frozen=True)
class House:
    """An open database and the secret that its keys are digested with."""

    store: Store
    secret: bytes


def act(asked: argparse.Namespace, do: Act) -> int:
    """Do it with what the flags, the environment and parley.toml name. The exit code; failures are said on stderr."""
    try:
        with _opened(settings_of(asked)) as house:
            return do(house, asked)
    except SettingsError as error:
        return _fail(str(error), 2)
    except SecretProblem as error:
        return _fail(str(error), 1)
    except StoreProblem as error:
        return _fail(f"{error.message}. {error.hint or ''}".rstrip(), 1)
    except EngineError as error:
        return _fail(error.message, 1)


def settings_of(asked: argparse.Namespace) -> Settings:
    """The settings of the server that is meant. Raises SettingsError."""
    given = given_settings(vars(asked), os.environ, FILE)
    return Settings(**{name: each.value for name, each in given.items()})


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print lines with columns under each other."""
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    for row in (heads, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def day(milliseconds: int | None) -> str:
    """A time as a day and a minute, UTC."""
    if milliseconds is None:
        return "never"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")


@contextmanager
def _opened(settings: Settings) -> Iterator[House]:
    secret = read_or_make_secret(settings.secret)
    door = StoreDoor(settings.database)
    try:
        yield House(door.open(), secret)
    finally:
        door.close()


def _fail(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code
