"""The machine and the server: is it well, can it serve, how busy is it, and what has it done?"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import threading
import time
from dataclasses import asdict
from pathlib import Path

from flask import Blueprint, Flask, Response, jsonify, request

from chat import sse
from chat.errors import StoreProblem
from chat.exposition import exposition
from chat.gpus import gpus
from chat.guard.visitors import current_visitor
from chat.metrics import Metrics
from chat.parts import parts
from engine import VERSION

bp = Blueprint("system", __name__)
_PACKAGES = ("flask", "waitress", "pydantic", "torch", "safetensors", "tokenizers")
_CPU_SAMPLE_SECONDS = 0.05


@bp.get("/health")
def health() -> Response:
    """200 while the server answers; the models that are not unloaded, with their states, for those who may know."""
    if current_visitor().is_stranger:
        return jsonify(status="ok")
    return jsonify(status="ok", models={key: now.state for key, now in parts().engine.statuses().items()})


@bp.get("/ready")
def ready() -> Response:
    """200 while questions can be answered: the engine and the database are there, and the server does not stop."""
    house = parts()
    sse.caller(house.stopping).check()
    house.engine.statuses()
    try:
        with house.store.database.reading():
            pass
    except StoreProblem as error:
        if current_visitor().is_stranger:
            raise StoreProblem("the database cannot be used", hint="The server's log tells more.") from error
        raise
    return jsonify(status="ready")


@bp.get("/metrics")
def metrics() -> Response:
    """The server's numbers for Prometheus; for administrators, and for programs of this machine that ask directly."""
    text, media_type = exposition(parts())
    return Response(text, content_type=media_type)


def init_app(app: Flask, counted: Metrics) -> None:
    """Count every request by its route, and notice who asks to unload."""

    @app.before_request
    def begin() -> None:
        if request.endpoint == "models.unload" and request.view_args:
            counted.unload_asked(request.view_args["checkpoint_id"])

    @app.after_request
    def end(response: Response) -> Response:
        counted.request(request.method, request.url_rule.rule if request.url_rule else None, response.status_code)
        if request.endpoint == "models.unload" and request.view_args and response.status_code >= 400:
            counted.unload_asked(request.view_args["checkpoint_id"], refused=True)
        return response


@bp.get("/api/system")
def system() -> Response:
    """CPU, memory, graphics cards, disk, threads, versions and queue; CPU shares are percent over a short sample."""
    import psutil

    house, memory, process = parts(), psutil.virtual_memory(), psutil.Process()
    statuses = house.engine.statuses().values()
    return jsonify(
        cpu={
            "count": os.cpu_count(),
            "percent": psutil.cpu_percent(interval=_CPU_SAMPLE_SECONDS),
            "load_average": psutil.getloadavg(),
        },
        memory={"total_bytes": memory.total, "available_bytes": memory.available},
        gpus=gpus(),
        disk=_disk(house.settings.checkpoints),
        process={
            "pid": process.pid,
            "rss_bytes": process.memory_info().rss,
            "threads": threading.active_count(),
            "uptime_seconds": time.time() - process.create_time(),
        },
        queue={
            "running": sum(now.running for now in statuses),
            "waiting": sum(now.waiting for now in statuses),
            "streams": house.streams.taken,
            "max_streams": house.streams.places,
        },
        models_memory=asdict(house.engine.memory()),
        versions=_versions(),
        platform=platform.platform(),
    )


def _disk(folder: Path) -> dict[str, int]:
    """The room on the disk that checkpoints lie on, or will lie on."""
    import psutil

    place = folder.resolve()
    usage = psutil.disk_usage(str(next(each for each in (place, *place.parents) if each.exists())))
    return {"total_bytes": usage.total, "available_bytes": usage.free}


@functools.cache
def _versions() -> dict[str, str | None]:
    return {"parley": VERSION, "python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
