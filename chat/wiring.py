"""Puts the app together: settings, engine, guard, errors and blueprints. Nothing else happens here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from flask import Flask

from chat import errors, journal, pages
from chat.access import access_of
from chat.api import (
    anthropic,
    chats,
    conversations,
    docs,
    generate,
    jobs,
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
from chat.errors import StoreProblem
from chat.guard import doors
from chat.guard.limits import Limits
from chat.metrics import Metrics
from chat.parts import Parts
from chat.pump import Pumps
from chat.runs import Runs
from chat.settings import Settings
from chat.sse import Gate
from chat.store.opening import StoreDoor
from engine import Engine, EngineOptions, Patience
from training.jobs import Job, Jobs, Places
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
    docs.bp,
    training.bp,
    jobs.bp,
)


_log = logging.getLogger(__name__)


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
        jobs_of(settings, engine, door),
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
        speculation=settings.speculation,
        patience=Patience(settings.step_limit_seconds, settings.load_limit_seconds),
    )


def training_runs(settings: Settings, engine: Engine) -> TrainingRuns:
    """The training runs that leave something beside the checkpoints, or in a folder of their own."""

    def checkpoints() -> list[Checkpoint]:
        found = engine.checkpoints().checkpoints
        return [Checkpoint(one.id, one.path, one.step, one.size_bytes, one.modified_at) for one in found]

    return TrainingRuns(settings.checkpoints, settings.runs_directory, checkpoints=checkpoints)


def jobs_of(settings: Settings, engine: Engine, door: StoreDoor) -> Jobs:
    """The jobs of this data directory. They lie on the disk as well, so a database that fails costs none of them."""

    def keep(job: Job) -> None:
        try:
            door.open().jobs.keep(job)
        except StoreProblem as error:
            _log.warning("the job %s is not kept in the database: %s", job.id, error.message)

    def remembered(known: Mapping[str, str]) -> list[Job]:
        try:
            return door.open().jobs.changed(known)
        except StoreProblem as error:
            _log.warning("the jobs in the database are not to be had: %s", error.message)
            return []

    def knows(checkpoint_id: str) -> bool:
        return any(one.id == checkpoint_id for one in engine.checkpoints().checkpoints)

    places = Places(settings.checkpoints.absolute(), settings.runs_directory.absolute(), knows)
    return Jobs(settings.data_directory.absolute() / "jobs", places, keep=keep, remembered=remembered)
