"""All settings in one frozen value, read once: flags before environment before parley.toml before defaults."""

from __future__ import annotations

import argparse
import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

ENVIRONMENT_PREFIX = "PARLEY_"
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8")
LOG_LEVELS = ("debug", "info", "warning", "error")
_BYTE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


class SettingsError(Exception):
    """A setting that cannot be; the message names it, where it was given and what it may be."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    return value.strip()


def _path(value: object) -> Path:
    return Path(_text(value)).expanduser()


def _yes_or_no(value: object) -> bool:
    word = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    if isinstance(word, str) and word.lower() in ("true", "yes", "on", "1"):
        return True
    if isinstance(word, str) and word.lower() in ("false", "no", "off", "0"):
        return False
    raise ValueError("must be true or false")


def _names(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Sequence) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of names")
    return tuple(part.strip().lower() for part in parts if part.strip())


def _bytes(value: object) -> int:
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?i?)b?", str(value).strip().lower())
    if isinstance(value, bool) or parts is None or parts[2] not in _BYTE_UNITS or float(parts[1]) <= 0:
        raise ValueError('must be a number of bytes such as "8GiB" or "500MB"')
    return int(float(parts[1]) * _BYTE_UNITS[parts[2]])


def _whole_number(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        digits = str(value).strip()
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,12}", digits) or not low <= int(digits) <= high:
            raise ValueError(f"must be a whole number between {low} and {high}")
        return int(digits)

    return read


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value.lower()

    return read


def _about(read: Callable[[object], Any], help: str, *, flag: str | None = None) -> dict[str, Any]:
    return {"read": read, "help": help, "flag": flag}


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Raises SettingsError where parts contradict each other."""

    host: str = field(default="127.0.0.1", metadata=_about(_text, "the address to listen on"))
    port: int = field(
        default=5001, metadata=_about(_whole_number(0, 65535), "the port to listen on; 0 takes a free one")
    )
    allow_network: bool = field(
        default=False, metadata=_about(_yes_or_no, "let other machines connect, though there are no accounts")
    )
    allowed_hosts: tuple[str, ...] = field(
        default=(), metadata=_about(_names, "more host names to answer to, separated by commas")
    )
    checkpoints: Path = field(
        default=Path("checkpoints"), metadata=_about(_path, "the folder that holds the checkpoints")
    )
    device: str = field(default="auto", metadata=_about(_text, "where models compute: auto, cpu, cuda, cuda:1, mps"))
    precision: str = field(
        default="auto", metadata=_about(_one_of(*PRECISIONS), f"how models compute: {', '.join(PRECISIONS)}")
    )
    threads: int | None = field(
        default=None, metadata=_about(_whole_number(1, 1024), "CPU threads of a model; unset, the machine decides")
    )
    memory_budget: int | None = field(
        default=None, metadata=_about(_bytes, "memory that models may take together, such as 8GiB")
    )
    cache_directory: Path | None = field(
        default=None, metadata=_about(_path, "where prepared weights are kept between starts")
    )
    max_streams: int = field(
        default=96, metadata=_about(_whole_number(1, 4096), "answers that may be on their way at once")
    )
    max_body_bytes: int = field(default=4 * 2**20, metadata=_about(_bytes, "the largest request that is read"))
    open_browser: bool = field(default=False, metadata=_about(_yes_or_no, "open the page in a browser", flag="--open"))
    log_level: str = field(
        default="info", metadata=_about(_one_of(*LOG_LEVELS), f"how much is logged: {', '.join(LOG_LEVELS)}")
    )
    log_directory: Path = field(default=Path("logs"), metadata=_about(_path, "where parley.log is written"))
    data_directory: Path = field(
        default=Path("data"), metadata=_about(_path, "where conversations are kept, in parley.db")
    )
    database_url: str | None = field(
        default=None, metadata=_about(_text, "another database for them, such as postgresql://user:password@host/name")
    )

    @property
    def database(self) -> str:
        """The address of the database that these settings name."""
        return self.database_url or f"sqlite:///{self.data_directory / 'parley.db'}"

    def __post_init__(self) -> None:
        if not self.allow_network and not is_loopback(self.host):
            raise SettingsError(
                f"host {self.host} lets other machines use this server, and it has no accounts. "
                "Use --host 127.0.0.1, or add --allow-network if everybody on that network may use it."
            )


def is_loopback(host: str) -> bool:
    """Whether a host name or address stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_settings(arguments: Sequence[str], environment: Mapping[str, str], file: Path) -> Settings:
    """The settings that these three say together; `file` need not exist. Raises SettingsError."""
    flags = vars(_parser().parse_args(arguments))
    return Settings(**{**_from_file(file), **_from_environment(environment), **_from_flags(flags)})


def _flag(setting: Field) -> str:
    return setting.metadata["flag"] or "--" + setting.name.replace("_", "-")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chat",
        description="Parley: find every checkpoint of every training run, load it and talk to it.",
        epilog=f"Every flag is also a key of parley.toml and an environment variable {ENVIRONMENT_PREFIX}NAME.",
        allow_abbrev=False,
    )
    for setting in fields(Settings):
        default = "" if setting.default in (None, False, ()) else f" (default: {setting.default})"
        switch = {"action": argparse.BooleanOptionalAction} if setting.default is False else {"metavar": "VALUE"}
        parser.add_argument(
            _flag(setting), dest=setting.name, help=setting.metadata["help"] + default, default=MISSING, **switch
        )
    return parser


def _from_flags(flags: Mapping[str, object]) -> dict[str, Any]:
    given = [setting for setting in fields(Settings) if flags[setting.name] is not MISSING]
    return {setting.name: _read(setting, flags[setting.name], _flag(setting)) for setting in given}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    names = {setting.name: ENVIRONMENT_PREFIX + setting.name.upper() for setting in fields(Settings)}
    return {
        setting.name: _read(setting, environment[names[setting.name]], names[setting.name])
        for setting in fields(Settings)
        if names[setting.name] in environment
    }


def _from_file(file: Path) -> dict[str, Any]:
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    known = {setting.name: setting for setting in fields(Settings)}
    for key in entries.keys() - known.keys():
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
        raise SettingsError(f"{file} has the key {key!r}, which is none of Parley's. The nearest is {nearest!r}.")
    return {key: _read(known[key], value, f"{key} in {file}") for key, value in entries.items()}


def _read(setting: Field, value: object, where: str) -> Any:
    try:
        return setting.metadata["read"](value)
    except ValueError as error:
        raise SettingsError(f"{where} {error}, not {value!r}") from error
