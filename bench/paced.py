"""`python -m bench.paced --token-seconds 0.05`: the real server over an engine that keeps a pace by the clock alone.

So whatever is uneven in its answers comes from the server, not from a model.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from chat.server import serve
from chat.settings import SettingsError, read_settings
from tests.doubles import Script, ScriptedEngine

WORDS = 4000


def main() -> int:
    """Serve; every flag of the real server works, and one more sets the pace."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--token-seconds", type=float, default=0.05)
    pace, rest = parser.parse_known_args()
    try:
        settings = read_settings(rest, os.environ, Path("parley.toml"))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    answer = " ".join(f"word{number}" for number in range(WORDS))
    return serve(settings, ScriptedEngine(Script(answer=answer, token_seconds=pace.token_seconds)))


if __name__ == "__main__":
    sys.exit(main())
