"""The live answers: which there are, following one that belongs to the server, and calling one off."""

from __future__ import annotations

from contextlib import ExitStack

from flask import Blueprint, Response, jsonify, request

from chat import sse
from chat.api import body, query, views
from chat.parts import current_owner, parts
from chat.runs import POLL_SECONDS
from chat.schemas.body import NoBody
from engine import InvalidRequest

bp = Blueprint("runs", __name__)
LARGEST_EVENT = 10**9


@bp.get("/api/runs")
def live() -> Response:
    """One's answers on their way, oldest first."""
    mine = current_owner()
    return jsonify(runs=[views.run(run) for run in parts().runs.live() if run.owner == mine])


@bp.get("/api/runs/<run_id>/events")
def events(run_id: str) -> Response:
    """The events of an answer, from number `from` on or from behind `Last-Event-ID`, and then as they come.

    Leaving does not end the answer.
    """
    house = parts()
    log, first = house.runs.log(run_id, current_owner()), _first()
    with ExitStack() as held:
        held.enter_context(house.gate)
        return sse.respond(log.follow(first, POLL_SECONDS), sse.caller(house.stopping), held.pop_all())


@bp.post("/api/runs/<run_id>/cancel")
def cancel(run_id: str) -> Response:
    """Call an answer off; doing so again, or after its end, changes nothing."""
    body.read(NoBody, optional=True)
    return jsonify(run_id=run_id, state=parts().runs.cancel(run_id, current_owner()))


def _first() -> int:
    if "from" in request.args:
        return query.number("from", 0, 0, LARGEST_EVENT)
    last = request.headers.get("Last-Event-ID")
    if last is None:
        return 0
    if not last.isascii() or not last.isdigit() or len(last) > 10:
        raise InvalidRequest("Last-Event-ID must be the number of an event", param="Last-Event-ID")
    return int(last) + 1
