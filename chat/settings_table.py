"""docs/settings.md, made from the settings themselves."""

from __future__ import annotations

from dataclasses import Field, fields
from pathlib import Path

from chat.setting_sources import flag_of, variable_of
from chat.settings import Settings

DOCUMENT = Path("docs/settings.md")
_HEAD = """# Settings

A flag beats an environment variable, which beats `parley.toml` in the folder where the server starts, which beats the
default. A key of `parley.toml` or a flag that is none of these is an error that names the nearest one; so is a variable
that looks like a slip of one of these. `python -m chat config` shows every value and where it came from.

This page is made from the code by `python -m chat config --write-table`; a test holds the two together.

| key of `parley.toml` | flag | variable | default | |
|---|---|---|---|---|
"""


def document() -> str:
    """The whole page."""
    return _HEAD + "".join(f"{_row(setting)}\n" for setting in fields(Settings))


def _row(setting: Field) -> str:
    cells = [f"`{setting.name}`", f"`{_flag(setting)}`", f"`{variable_of(setting)}`", _default(setting.default)]
    return f"| {' | '.join([*cells, setting.metadata['help'].replace('|', ',')])} |"


def _flag(setting: Field) -> str:
    if not isinstance(setting.default, bool):
        return f"{flag_of(setting)} VALUE"
    return "--no-" + flag_of(setting).removeprefix("--") if setting.default else flag_of(setting)


def _default(value: object) -> str:
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else f"`{value}`"
