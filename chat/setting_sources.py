"""Where values of settings come from: flags before environment before parley.toml. It knows no single setting.

A setting is a field of a dataclass whose metadata `about` makes.
"""

from __future__ import annotations

import argparse
import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any

ENVIRONMENT_PREFIX = "PARLEY_"
# Other programs have variables of that prefix too, so only those that look like a slip are refused.
LIKE_A_SLIP = 0.75


class SettingsError(Exception):
    """A setting that cannot be; the message names it, where it was given and what it may be."""


@dataclass(frozen=True)
class Given:
    """A value, and the place where it was given: a flag, a variable or a key of a file."""

    value: Any
    origin: str


def about(read: Callable[[object], Any], help: str, *, flag: str | None = None, secret: bool = False) -> dict[str, Any]:
    """What a field has to tell of itself: how a value is read, what it is for, and whether it may be shown."""
    return {"read": read, "help": help, "flag": flag, "secret": secret}


def flag_of(setting: Field) -> str:
    """The flag of a setting."""
    return setting.metadata["flag"] or "--" + setting.name.replace("_", "-")


def variable_of(setting: Field) -> str:
    """The environment variable of a setting."""
    return ENVIRONMENT_PREFIX + setting.name.upper()


def add_flags(parser: argparse.ArgumentParser, kind: type) -> None:
    """Let a parser understand every setting of that dataclass."""
    for setting in fields(kind):
        default = "" if setting.default in (None, False, ()) else f" (default: {setting.default})"
        is_switch = isinstance(setting.default, bool)
        switch = {"action": argparse.BooleanOptionalAction} if is_switch else {"metavar": "VALUE"}
        explained = setting.metadata["help"] + ("" if is_switch else default)
        parser.add_argument(flag_of(setting), dest=setting.name, help=explained, default=MISSING, **switch)


def parsed(parser: argparse.ArgumentParser, kind: type, arguments: Sequence[str]) -> dict[str, object]:
    """The flags that were given. Raises SettingsError for one that is not known."""
    known, unknown = parser.parse_known_args(arguments)
    if unknown:
        flag = unknown[0].partition("=")[0]
        nearest = _nearest(flag, [flag_of(setting) for setting in fields(kind)])[0]
        raise SettingsError(f"{flag} is none of Parley's flags. The nearest is {nearest}; --help lists all.")
    return vars(known)


def collect(kind: type, flags: Mapping[str, object], environment: Mapping[str, str], file: Path) -> dict[str, Given]:
    """Every setting that was given, by name; `file` need not exist. Raises SettingsError."""
    return {**_from_file(kind, file), **_from_environment(kind, environment), **_from_flags(kind, flags)}


def _from_flags(kind: type, flags: Mapping[str, object]) -> dict[str, Given]:
    given = [setting for setting in fields(kind) if flags[setting.name] is not MISSING]
    return {each.name: _read(each, flags[each.name], flag_of(each), f"the flag {flag_of(each)}") for each in given}


def _from_environment(kind: type, environment: Mapping[str, str]) -> dict[str, Given]:
    known = [variable_of(setting) for setting in fields(kind)]
    for name in sorted(environment.keys() - set(known)):
        near = _nearest(name, known, LIKE_A_SLIP) if name.startswith(ENVIRONMENT_PREFIX) else []
        if near:
            raise SettingsError(f"the variable {name} is none of Parley's. The nearest is {near[0]}.")
    given = [setting for setting in fields(kind) if variable_of(setting) in environment]
    return {
        each.name: _read(each, environment[variable_of(each)], variable_of(each), f"the variable {variable_of(each)}")
        for each in given
    }


def _from_file(kind: type, file: Path) -> dict[str, Given]:
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    known = {setting.name: setting for setting in fields(kind)}
    for key in entries.keys() - known.keys():
        nearest = _nearest(key, list(known))[0]
        raise SettingsError(f"{file} has the key {key!r}, which is none of Parley's. The nearest is {nearest!r}.")
    return {key: _read(known[key], value, f"{key} in {file}", str(file)) for key, value in entries.items()}


def _nearest(name: str, known: Sequence[str], at_least: float = 0.0) -> list[str]:
    """The one that is most like the name; none where they are less alike than that (0 to 1), without the prefix."""
    plain = {each.removeprefix(ENVIRONMENT_PREFIX): each for each in known}
    found = difflib.get_close_matches(name.removeprefix(ENVIRONMENT_PREFIX), plain, n=1, cutoff=at_least)
    return [plain[each] for each in found]


def _read(setting: Field, value: object, where: str, origin: str) -> Given:
    try:
        return Given(setting.metadata["read"](value), origin)
    except ValueError as error:
        said = "" if setting.metadata["secret"] else f", not {value!r}"
        raise SettingsError(f"{where} {error}{said}") from error
