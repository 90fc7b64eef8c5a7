"""The pages and the files they need. Everything else a page shows it asks the API for."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from flask import Blueprint, Response, current_app, render_template, request, send_from_directory, url_for

from engine import VERSION

bp = Blueprint("pages", __name__)
# Said here because a machine's own table of types may be wrong, and browsers refuse a module of a wrong type.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@bp.get("/")
def chat() -> str:
    """The chat."""
    return render_template("index.html", version=VERSION, asset=asset)


@bp.get("/static/<path:name>")
def static(name: str) -> Response:
    """A file of the page; it may be kept for ever when it was asked for by the hash of what it holds."""
    response = send_from_directory(current_app.static_folder, name, mimetype=_TYPES.get(Path(name).suffix))
    if request.args.get("v") == _content_hash(Path(current_app.static_folder) / name):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers["Cache-Control"] = "no-cache"
    return response


def asset(path: str) -> str:
    """The address of a file under static/, which changes when the file does. Raises FileNotFoundError."""
    return url_for("pages.static", name=path, v=_content_hash(Path(current_app.static_folder) / path))


def _content_hash(file: Path) -> str:
    return _hash(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _hash(file: Path, modified_at_ns: int) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
