"""`python -m chat config`: every setting with its value and the place where it was given. Secrets are masked."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from chat.setting_sources import parsed
from chat.settings import FILE, Settings, SettingsError, given_settings, parser
from chat.settings_table import DOCUMENT, document

_PASSWORD_IN_URL = re.compile(r"(?<=:)[^:@/]+(?=@)")


def run(arguments: Sequence[str]) -> int:
    """Print them; the exit code. `--write-table FILE` writes the table of docs/settings.md instead."""
    made = parser("config", __doc__)
    explained = "write the table of all settings, as in docs/settings.md"
    made.add_argument("--write-table", nargs="?", const=DOCUMENT, type=Path, metavar="FILE", help=explained)
    try:
        asked = parsed(made, Settings, arguments)
        table = asked.pop("write_table")
        if isinstance(table, Path):
            table.write_text(document(), encoding="utf-8")
            return 0
        given = given_settings(asked, os.environ, FILE)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.writelines(lines({name: (each.value, each.origin) for name, each in given.items()}))
    return 0


def lines(given: dict[str, tuple[object, str]]) -> list[str]:
    """A line for each setting: its name, its value, its origin."""
    shown = []
    for setting in fields(Settings):
        value, origin = given.get(setting.name, (setting.default, "default"))
        shown.append((setting.name, _masked(value) if setting.metadata["secret"] else _written(value), origin))
    widths = [max(len(row[place]) for row in shown) for place in (0, 1)]
    return [f"{name.ljust(widths[0])}  {value.ljust(widths[1])}  {origin}\n" for name, value, origin in shown]


def _written(value: object) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _masked(value: object) -> str:
    return _PASSWORD_IN_URL.sub("***", _written(value))
