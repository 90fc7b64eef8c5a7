"""The training runs: what they do, their curves and logs, and orders to them. An id is looked up, never a path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from chat.api import body, changes, query
from chat.errors import Conflict, RunNotFound
from chat.parts import Parts, current_owner, parts
from chat.schemas.training import ControlBody
from engine import InvalidRequest
from training.runs import Mark, NotSteerable, Summary, UnknownRun, as_json

bp = Blueprint("training", __name__)
SECONDS_BETWEEN_LOOKS = 1.0
MOST_POINTS, MOST_NAMES = 20_000, 100


class TrainingRunNotFound(RunNotFound):
    """No training run has that id."""

    code = "training_run_not_found"


@bp.get("/api/training/runs")
def listing() -> Response:
    """Every run, the newest first; 304 while nothing has changed."""
    house = parts()
    response = jsonify(runs=shown(house, house.training.all()))
    response.set_etag(hashlib.blake2b(response.get_data(), digest_size=16).hexdigest(), weak=True)
    response.headers["Cache-Control"] = "no-cache"
    return response.make_conditional(request)


@bp.get("/api/training/runs/<path:run_id>")
def one(run_id: str) -> Response:
    """One run."""
    return jsonify(run=shown(parts(), [_found(run_id)])[0])


@bp.get("/api/training/runs/<path:run_id>/series")
def series(run_id: str) -> Response:
    """The points of its metrics, few enough to be drawn, and what happened on the way."""
    run, x = _found(run_id), query.choice("x", "step", "time", "tokens")
    names = (query.text("names", 8192) or "").split(",")[:MOST_NAMES] if "names" in request.args else None
    drawn, marks, is_whole = parts().training.series(
        run_id, names, x, query.number("points", 2000, 1, MOST_POINTS), *_range()
    )
    return jsonify(series=[asdict(curve) for curve in drawn], marks=_marks(run, marks, x), x=x, complete=is_whole)


@bp.get("/api/training/runs/<path:run_id>/log")
def log(run_id: str) -> Response:
    """A piece of its log, from a byte on."""
    _found(run_id)
    return jsonify(asdict(parts().training.log(run_id, offset())))


@bp.get("/api/training/runs/<path:run_id>/config")
def config(run_id: str) -> Response:
    """What it was configured with."""
    _found(run_id)
    return jsonify(config=parts().training.settings(run_id))


@bp.get("/api/training/runs/<path:run_id>/chats")
def chats(run_id: str) -> Response:
    """One's conversations in which checkpoints of the run answered, the newest answer first."""
    steps = {one.id: one.step for one in _found(run_id).checkpoints}
    talks = parts().store.conversations.with_answers_of(current_owner(), steps) if steps else []
    shown_talks = [
        {"conversation": talk.conversation_id, "title": talk.title, "checkpoint": talk.model, "step": steps[talk.model],
         "answers": talk.answers, "answered_at": talk.answered_at / 1000}
        for talk in talks
    ]  # fmt: skip
    return jsonify(chats=shown_talks)


@bp.post("/api/training/runs/<path:run_id>/control")
def control(run_id: str) -> ResponseReturnValue:
    """Tell the run to do something; it answers in its own time, by a mark of kind `control`."""
    house, asked = parts(), body.read(ControlBody)
    _found(run_id)
    try:
        order = house.training.order(run_id, asked.act, asked.value)
    except NotSteerable as error:
        raise Conflict(str(error), code="not_steerable", param="act") from error
    except ValueError as error:
        raise InvalidRequest(str(error), param="value") from error
    except OSError as error:
        raise Conflict(
            f"the order cannot be written: {error.strerror}", code="not_steerable", hint="Look at the disk."
        ) from error
    return jsonify(order=asdict(order), run=shown(house, [_found(run_id)])[0]), 202


@bp.get("/api/training/events")
def events() -> Response:
    """All runs, and then each one that is new or different, and those that are gone."""
    house = parts()
    return changes.stream("run", house.training.all, lambda runs: shown(house, runs), SECONDS_BETWEEN_LOOKS)


@bp.get("/api/models/<path:checkpoint_id>/metrics")
def metrics(checkpoint_id: str) -> Response:
    """The curves of the run that a checkpoint belongs to."""
    house = parts()
    house.engine.checkpoint(checkpoint_id)
    run = run_of(house, checkpoint_id)
    drawn = house.training.series(run.id, None, "step", query.number("points", 500, 1, MOST_POINTS))[0] if run else []
    found = [{"name": one.name, "kind": one.kind, "points": _pairs(one.points)} for one in drawn]
    return jsonify(series=[curve for curve in found if curve["points"]])


def run_of(house: Parts, checkpoint_id: str) -> Summary | None:
    """The run that a checkpoint belongs to, the one with the longest name in common first."""
    runs = [run for run in house.training.all() if any(one.id == checkpoint_id for one in run.checkpoints)]
    return max(runs, key=lambda run: len(run.id), default=None)


def shown(house: Parts, runs: Iterable[Summary]) -> list[dict[str, Any]]:
    """Runs as JSON, each with the job of this server that writes it now."""
    own = [job for job in house.jobs.all() if job.elsewhere is None and job.state == "running"]
    jobs = {job.run: job.id for job in own if job.run is not None}
    return [{**as_json(run), "job": jobs.get(run.id)} for run in runs]


def offset() -> int:
    """The byte from which a log is wanted; a negative one counts from the end."""
    given = request.args.get("offset", "0")
    digits = given.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 12:
        raise InvalidRequest(f"offset must be a whole number, not {given[:40]!r}", param="offset")
    return int(given)


def _found(run_id: str) -> Summary:
    try:
        return parts().training.one(run_id)
    except UnknownRun as error:
        raise TrainingRunNotFound(
            f"there is no training run {run_id!r}", hint="GET /api/training/runs lists them."
        ) from error


def _range() -> tuple[float, float]:
    limits = []
    for name, default in (("from", "-inf"), ("to", "inf")):
        given = request.args.get(name, default)
        try:
            limits.append(float(given))
        except ValueError:
            raise InvalidRequest(f"{name} must be a number, not {given[:40]!r}", param=name) from None
    return limits[0], limits[1]


def _pairs(points: Sequence[tuple[float, float | None, float | None, float | None]]) -> list[tuple[float, float]]:
    return [(x, value) for x, value, _, _ in points if value is not None]


def _marks(run: Summary, told: Sequence[Mark], x: str) -> list[dict[str, Any]]:
    """What the run told, and the checkpoints that lie there, whether it told of them or not."""
    ids = {one.step: one for one in reversed(run.checkpoints) if one.step is not None}
    marks = [
        {"x": {"step": mark.step, "time": mark.at}.get(x), "step": mark.step, "at": mark.at, "kind": mark.kind,
         "text": mark.text, "checkpoint": ids[mark.step].id if mark.kind == "checkpoint" and mark.step in ids else None}
        for mark in told
    ]  # fmt: skip
    said = {mark["checkpoint"] for mark in marks}
    for one in run.checkpoints:
        if one.id not in said and one.step is not None:
            where = {"x": {"step": one.step, "time": one.modified_at}.get(x), "step": one.step, "at": one.modified_at}
            marks.append({**where, "kind": "checkpoint", "text": one.id, "checkpoint": one.id})
    return marks
