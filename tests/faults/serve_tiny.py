"""`python -m tests.faults.serve_tiny --checkpoints DIR …`: the real server and engine, whose patience a test can end.

At SIGUSR1 the watch over the workers becomes impatient, at SIGUSR2 patient again, so that no test depends on how long
a sound worker takes on a busy machine. Prompts are computed a token at a time, so that there is a time to interrupt.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from chat.server import serve
from chat.settings import read_settings
from chat.wiring import engine_options
from engine import Engine

LONG, SHORT = 600.0, 0.5


@dataclass
class ChangingPatience:
    """Like the engine's own, but it can be lost."""

    step_seconds: float = LONG
    loading_seconds: float = LONG
    tick_seconds: float = 0.05

    def change(self, seconds: float) -> None:
        """From now on a worker may be silent for so long."""
        self.step_seconds = self.loading_seconds = seconds


def main() -> int:
    """Serve until a signal ends it."""
    settings = read_settings(sys.argv[1:], os.environ, Path("no.toml"))
    patience = ChangingPatience()
    signal.signal(signal.SIGUSR1, lambda *_: patience.change(SHORT))
    signal.signal(signal.SIGUSR2, lambda *_: patience.change(LONG))
    options = replace(engine_options(settings), tokens_per_step=1, patience=patience)
    return serve(settings, Engine(options))


if __name__ == "__main__":
    sys.exit(main())
