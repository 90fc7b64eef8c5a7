"""The machine and the server: is it well, and how busy is it?"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import threading
import time

from flask import Blueprint, Response, jsonify

from chat.guard.visitors import current_visitor
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


@bp.get("/api/system")
def system() -> Response:
    """CPU, memory, threads, versions and the queue; CPU shares are percent over a short sample."""
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
        versions=_versions(),
        platform=platform.platform(),
    )


@functools.cache
def _versions() -> dict[str, str | None]:
    return {"parley": VERSION, "python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
