"""All settings in one frozen value, read once: flags before environment before parley.toml before defaults."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chat import setting_sources
from chat.setting_sources import ENVIRONMENT_PREFIX, Given, SettingsError, about
from chat.setting_values import byte_count, names, one_of, path, text, whole_number, yes_or_no

__all__ = ["ENVIRONMENT_PREFIX", "Given", "Settings", "SettingsError", "given_settings", "is_loopback", "read_settings"]
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
FILE = Path("parley.toml")
_MANY = 10**9


@dataclass(frozen=True)
class Settings:
    """Everything that can be set."""

    host: str = field(default="127.0.0.1", metadata=about(text, "the address to listen on"))
    port: int = field(default=5001, metadata=about(whole_number(0, 65535), "the port to listen on; 0 takes a free one"))
    auth: bool = field(
        default=True,
        metadata=about(yes_or_no, "ask who calls as soon as there is a key or an account; --no-auth lets everyone in"),
    )
    allowed_hosts: tuple[str, ...] = field(
        default=(), metadata=about(names, "more host names to answer to, separated by commas")
    )
    cors_origins: tuple[str, ...] = field(
        default=(), metadata=about(names, "pages of other sites that may call, such as https://lab.example")
    )
    trusted_proxy: str | None = field(
        default=None, metadata=about(text, "the address of a proxy whose X-Forwarded headers are believed")
    )
    requests_per_minute: int | None = field(
        default=None,
        metadata=about(whole_number(1, _MANY), "requests of one caller; unset, 600 where callers sign in, else any"),
    )
    tokens_per_minute: int | None = field(
        default=None, metadata=about(whole_number(1, _MANY), "tokens that one caller may have generated; unset, any")
    )
    streams_per_caller: int | None = field(
        default=None,
        metadata=about(whole_number(1, 4096), "answers of one caller at once; unset, 16 where callers sign in"),
    )
    session_days: int = field(
        default=30, metadata=about(whole_number(1, 3650), "after so many days one has to sign in again")
    )
    checkpoints: Path = field(
        default=Path("checkpoints"), metadata=about(path, "the folder that holds the checkpoints")
    )
    device: str = field(default="auto", metadata=about(text, "where models compute: auto, cpu, cuda, cuda:1, mps"))
    precision: str = field(
        default="auto", metadata=about(one_of(*PRECISIONS), f"how models compute: {', '.join(PRECISIONS)}")
    )
    threads: int | None = field(
        default=None, metadata=about(whole_number(1, 1024), "CPU threads of a model; unset, the machine decides")
    )
    memory_budget: int | None = field(
        default=None, metadata=about(byte_count, "memory that models may take together, such as 8GiB")
    )
    cache_directory: Path | None = field(
        default=None, metadata=about(path, "where prepared weights are kept between starts")
    )
    speculation: bool = field(
        default=True,
        metadata=about(
            yes_or_no, "guess how answers go on where it pays, which changes no text; --no-speculation leaves it"
        ),
    )
    step_limit_seconds: int = field(
        default=600,
        metadata=about(whole_number(1, _MANY), "a model that is silent for so long over one step is ended"),
    )
    load_limit_seconds: int = field(
        default=1800,
        metadata=about(whole_number(1, _MANY), "one that is silent for so long over one part of loading, likewise"),
    )
    max_streams: int = field(
        default=96, metadata=about(whole_number(1, 4096), "answers that may be on their way at once")
    )
    max_body_bytes: int = field(default=4 * 2**20, metadata=about(byte_count, "the largest request that is read"))
    open_browser: bool = field(default=False, metadata=about(yes_or_no, "open the page in a browser", flag="--open"))
    log_level: str = field(
        default="info", metadata=about(one_of(*LOG_LEVELS), f"how much is logged: {', '.join(LOG_LEVELS)}")
    )
    log_format: str = field(
        default="text", metadata=about(one_of(*LOG_FORMATS), f"how a line of the log looks: {', '.join(LOG_FORMATS)}")
    )
    log_prompts: bool = field(
        default=False, metadata=about(yes_or_no, "write prompts and answers into the log, for everyone who reads it")
    )
    log_directory: Path = field(default=Path("logs"), metadata=about(path, "where parley.log is written"))
    runs_directory: Path = field(
        default=Path("runs"), metadata=about(path, "where training runs leave their logs, besides the checkpoints")
    )
    data_directory: Path = field(
        default=Path("data"), metadata=about(path, "where conversations are kept, in parley.db")
    )
    database_url: str | None = field(
        default=None,
        metadata=about(text, "another database for them, such as postgresql://user:password@host/name", secret=True),
    )
    secret_file: Path | None = field(
        default=None, metadata=about(path, "where the server's secret lies; unset, secret in the data directory")
    )

    @property
    def database(self) -> str:
        """The address of the database that these settings name."""
        return self.database_url or f"sqlite:///{self.data_directory / 'parley.db'}"

    @property
    def secret(self) -> Path:
        """The file of the server's secret."""
        return self.secret_file or self.data_directory / "secret"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_settings(arguments: Sequence[str], environment: Mapping[str, str], file: Path) -> Settings:
    """The settings that these three say together; `file` need not exist. Raises SettingsError."""
    given = given_settings(setting_sources.parsed(parser(), Settings, arguments), environment, file)
    return Settings(**{name: each.value for name, each in given.items()})


def given_settings(flags: Mapping[str, object], environment: Mapping[str, str], file: Path) -> dict[str, Given]:
    """Every setting that was given somewhere, with its place. Raises SettingsError."""
    return setting_sources.collect(Settings, flags, environment, file)


def parser(command: str = "", about_it: str | None = None) -> argparse.ArgumentParser:
    """A parser of the flags of the server, or of one of its commands."""
    made = argparse.ArgumentParser(
        prog=f"python -m chat {command}".strip(),
        description=about_it or "Parley: find every checkpoint of every training run, load it and talk to it.",
        epilog=f"Every flag is also a key of parley.toml and an environment variable {ENVIRONMENT_PREFIX}NAME. "
        "Other commands: keys, users, config; each has --help.",
        allow_abbrev=False,
    )
    setting_sources.add_flags(made, Settings)
    return made
