"""The live answers: which there are, and calling one off."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from chat.api import body, views
from chat.parts import parts
from chat.schemas.body import NoBody

bp = Blueprint("runs", __name__)


@bp.get("/api/runs")
def live() -> Response:
    """The answers on their way, oldest first."""
    return jsonify(runs=[views.run(run) for run in parts().runs.live()])


@bp.post("/api/runs/<run_id>/cancel")
def cancel(run_id: str) -> Response:
    """Call an answer off; doing so again, or after its end, changes nothing."""
    body.read(NoBody, optional=True)
    return jsonify(run_id=run_id, state=parts().runs.cancel(run_id))
