"""The checkpoint browser: list, look at, load, unload and follow checkpoints. An id is looked up, never a path."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from chat import sse
from chat.api import body, views
from chat.api.training import run_of
from chat.parts import parts
from chat.runs import POLL_SECONDS
from chat.schemas.models import LoadBody, UnloadBody
from engine import GROUPS, Engine, LoadCancelled, LoadOptions, Status, StatusChanged, Subscription

bp = Blueprint("models", __name__, url_prefix="/api/models")


@bp.get("")
def listing() -> Response:
    """Every checkpoint; 304 while nothing but the time of the scan has changed."""
    engine = parts().engine
    found = engine.checkpoints(rescan=request.args.get("rescan") == "1")
    statuses = engine.statuses()
    lasting = {
        "models": [views.model(engine, one, statuses.get(one.id) or Status(one.id)) for one in found.checkpoints],
        "groups": list(GROUPS),
        "memory": asdict(engine.memory()),
        "default": engine.default_id(),
        "current": engine.current_id(),
    }
    scan = {"at": found.at, "seconds": found.seconds, "skipped": [asdict(one) for one in found.skipped]}
    response = jsonify({**lasting, "scan": scan})
    identity = current_app.json.dumps([lasting, scan["skipped"]]).encode(errors="replace")
    response.set_etag(hashlib.blake2b(identity, digest_size=16).hexdigest(), weak=True)
    response.headers["Cache-Control"] = "no-cache"
    return response.make_conditional(request)


@bp.get("/events")
def events() -> Response:
    """Follow every change; the loaded models are told first, so that nothing falls between a list and this."""
    house = parts()
    with ExitStack() as held:
        held.enter_context(house.gate)
        subscription = house.engine.subscribe()
        held.callback(subscription.close)
        source = _changes(house.engine, subscription)
        return sse.respond(source, sse.caller(house.stopping), held.pop_all())


@bp.get("/<path:checkpoint_id>")
def one(checkpoint_id: str) -> Response:
    """One checkpoint with its files, its config and its template."""
    engine = parts().engine
    found, details = engine.checkpoint(checkpoint_id), engine.details(checkpoint_id)
    shown = {name: details.get(name) for name in ("files", "config", "template")}
    shown["metrics"] = bool(details.get("metrics")) or run_of(parts(), checkpoint_id) is not None
    return jsonify({**views.model(engine, found, engine.status(checkpoint_id)), **shown})


@bp.get("/<path:checkpoint_id>/status")
def status(checkpoint_id: str) -> Response:
    """The state of one model."""
    return jsonify(views.status(parts().engine.status(checkpoint_id)))


@bp.post("/<path:checkpoint_id>/load")
def load(checkpoint_id: str) -> ResponseReturnValue:
    """Start loading, or join the load under way; to a caller who accepts a stream, tell it to its end."""
    asked, house = body.read(LoadBody, optional=True), parts()
    options = LoadOptions(asked.precision, asked.device, asked.context_length, asked.pinned)
    if request.accept_mimetypes.best_match(["application/json", "text/event-stream"]) != "text/event-stream":
        return jsonify(views.status(house.engine.load(checkpoint_id, options))), 202
    with ExitStack() as held:
        held.enter_context(house.gate)
        subscription = house.engine.subscribe()
        held.callback(subscription.close)
        source = _loading(house.engine.load(checkpoint_id, options), subscription)
        return sse.respond(source, sse.caller(house.stopping), held.pop_all())


@bp.post("/<path:checkpoint_id>/unload")
def unload(checkpoint_id: str) -> Response:
    """Free a model's memory."""
    asked = body.read(UnloadBody, optional=True)
    freed = parts().engine.unload(checkpoint_id, force=asked.force)
    return jsonify(id=checkpoint_id, state="unloaded", freed_bytes=freed)


def _changes(engine: Engine, subscription: Subscription) -> Iterator[tuple[str, dict[str, Any]] | None]:
    for now in engine.statuses().values():
        yield "status", views.status(now)
    while True:
        change = subscription.next(POLL_SECONDS)
        yield None if change is None else views.change(engine, change)


def _loading(now: Status, subscription: Subscription) -> Iterator[tuple[str, dict[str, Any]] | None]:
    while now.state in ("queued", "loading"):
        yield "progress", views.status(now)
        now = yield from _next_status(now.id, subscription)
    if now.state != "ready":
        raise now.error or LoadCancelled(f"loading {now.id} was called off", hint="Load it again.")
    yield "ready", views.status(now)


def _next_status(checkpoint_id: str, subscription: Subscription) -> Generator[None, None, Status]:
    while True:
        change = subscription.next(POLL_SECONDS)
        if isinstance(change, StatusChanged) and change.status.id == checkpoint_id:
            return change.status
        yield None
