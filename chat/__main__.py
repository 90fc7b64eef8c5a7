"""`python -m chat`: read the settings, then serve. Nothing heavy is imported before the settings are known."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from chat.settings import SettingsError, read_settings


def main() -> int:
    """Serve until a signal comes; the exit code says whether it went well (0), failed (1) or was misused (2)."""
    try:
        settings = read_settings(sys.argv[1:], os.environ, Path("parley.toml"))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    from chat.server import serve

    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
