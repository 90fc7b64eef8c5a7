"""Puts the app together: settings, engine, guard, errors and blueprints. Nothing else happens here."""

from __future__ import annotations

import threading

from flask import Flask

from chat import errors, journal, pages
from chat.access import access_of
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
    session,
    system,
    tokens,
    training,
    transfers,
)
from chat.guard import doors
from chat.guard.limits import Limits
from chat.metrics import Metrics
from chat.parts import Parts
from chat.pump import Pumps
from chat.runs import Runs
from chat.settings import Settings
from chat.sse import Gate
from chat.store.opening import StoreDoor
from engine import Engine, EngineOptions
from training.runs import Checkpoint
from training.runs import Runs as TrainingRuns

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
    session.bp,
    system.bp,
    training.bp,
)


def wire(settings: Settings, engine: Engine | None) -> Flask:
    """The app over this engine, or over one of its own. Raises SecretProblem and StoreProblem where callers sign in."""
    app = Flask("chat", static_folder=None)
    app.static_folder = "static"
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    # Static files are always read anew, and a page must fit them.
    app.config["TEMPLATES_AUTO_RELOAD"] = True
    # A redirect would turn a checkpoint's id into another one, and a POST into nothing.
    app.url_map.merge_slashes = False
    app.json.sort_keys, app.json.ensure_ascii, app.json.compact = False, False, True
    door = StoreDoor(settings.database)
    access = access_of(settings, door)
    limits = Limits(settings, asks=access is not None)
    engine = engine or Engine(engine_options(settings))
    metrics = Metrics()
    app.extensions["parley"] = Parts(
        settings,
        engine,
        Runs(limits, metrics),
        Gate(settings.max_streams, limits.streams_per_caller),
        threading.Event(),
        door,
        Pumps(),
        access,
        limits,
        metrics,
        training_runs(settings, engine),
    )
    journal.init_app(app, settings.log_prompts)
    doors.init_app(app, settings, access, limits)
    system.init_app(app, metrics)
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


def training_runs(settings: Settings, engine: Engine) -> TrainingRuns:
    """The training runs that leave something beside the checkpoints, or in a folder of their own."""

    def checkpoints() -> list[Checkpoint]:
        found = engine.checkpoints().checkpoints
        return [Checkpoint(one.id, one.path, one.step, one.size_bytes, one.modified_at) for one in found]

    return TrainingRuns(settings.checkpoints, settings.runs_directory, checkpoints=checkpoints)
