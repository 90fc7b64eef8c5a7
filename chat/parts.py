"""What the views share: one value per app that holds the settings, the engine and what is alive."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from flask import current_app

from chat.runs import Runs
from chat.settings import Settings
from chat.sse import Gate
from engine import Engine


@dataclass(frozen=True)
class Parts:
    """The parts of one running server. `stopping` is set once, when the server shuts down."""

    settings: Settings
    engine: Engine
    runs: Runs
    gate: Gate
    stopping: threading.Event


def parts() -> Parts:
    """The parts of the app that answers the current request."""
    return current_app.extensions["parley"]
