"""The description of all routes: for programs as OpenAPI, for people as a page made from it."""

from __future__ import annotations

import functools
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify

from chat import pages
from chat.openapi.document import document
from chat.openapi.outline import outline

bp = Blueprint("docs", __name__)


@bp.get("/api/openapi.json")
def description() -> Response:
    """This description, as OpenAPI 3.1."""
    return jsonify(_document(current_app._get_current_object()))


@bp.get("/api/docs")
def page() -> Response:
    """A page with every route, what it takes and what it answers."""
    made = _document(current_app._get_current_object())
    return pages.page("docs.html", "docs", sections=outline(made))


@functools.lru_cache(maxsize=4)
def _document(app: Flask) -> dict[str, Any]:
    return document(app)
