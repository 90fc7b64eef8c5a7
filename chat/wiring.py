"""Puts the app together: settings, engine, guard, errors and blueprints. Nothing else happens here."""

from __future__ import annotations

import threading

from flask import Flask

from chat import errors, guard, journal, pages
from chat.api import (
    anthropic,
    chats,
    conversations,
    generate,
    messages,
    models,
    ollama,
    openai,
    openai_chat,
    openai_completions,
    presets,
    runs,
    system,
    tokens,
    transfers,
)
from chat.parts import Parts
from chat.pump import Pumps
from chat.runs import Runs
from chat.settings import Settings
from chat.sse import Gate
from chat.store.opening import StoreDoor
from engine import Engine, EngineOptions

BLUEPRINTS = (
    pages.bp,
    models.bp,
    generate.bp,
    runs.bp,
    chats.bp,
    conversations.bp,
    messages.bp,
    presets.bp,
    transfers.bp,
    tokens.bp,
    openai.bp,
    ollama.bp,
    anthropic.bp,
    openai_chat.bp,
    openai_completions.bp,
    system.bp,
)


def wire(settings: Settings, engine: Engine | None) -> Flask:
    """The app over this engine, or over one of its own."""
    app = Flask("chat", static_folder=None)
    app.static_folder = "static"
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    # Static files are always read anew, and a page must fit them.
    app.config["TEMPLATES_AUTO_RELOAD"] = True
    # A redirect would turn a checkpoint's id into another one, and a POST into nothing.
    app.url_map.merge_slashes = False
    app.json.sort_keys, app.json.ensure_ascii, app.json.compact = False, False, True
    app.extensions["parley"] = Parts(
        settings,
        engine or Engine(engine_options(settings)),
        Runs(),
        Gate(settings.max_streams),
        threading.Event(),
        StoreDoor(settings.database),
        Pumps(),
    )
    journal.init_app(app)
    guard.init_app(app, settings)
    errors.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def engine_options(settings: Settings) -> EngineOptions:
    """What of the settings concerns the engine."""
    return EngineOptions(
        checkpoints=settings.checkpoints,
        cache_directory=settings.cache_directory,
        precision=settings.precision,
        device=settings.device,
        threads=settings.threads,
        memory_budget_bytes=settings.memory_budget,
    )
