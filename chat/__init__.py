"""The web: HTTP in front of `engine`'s public names. It never imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from chat.settings import Settings
    from engine import Engine


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> Flask:
    """The app, wired; without an engine it makes one from the settings. Nothing listens and no model is loaded yet."""
    from chat.settings import Settings
    from chat.wiring import wire

    return wire(settings or Settings(), engine)
