"""`python -m chat`: read the settings, then serve; or one of the commands keys, users and config.

Nothing heavy is imported before it is known what is wanted.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from chat.settings import FILE, SettingsError, read_settings

COMMANDS = ("keys", "users", "config")


def main() -> int:
    """Serve until a signal comes; the exit code says whether it went well (0), failed (1) or was misused (2)."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in COMMANDS:
        return import_module(f"chat.commands.{arguments[0]}").run(arguments[1:])
    try:
        settings = read_settings(arguments, os.environ, FILE)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    from chat.server import serve

    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
