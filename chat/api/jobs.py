"""Jobs: long work that goes on without its caller. What can be started stands in a fixed table, not here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from chat.api import body, changes
from chat.api.training import offset
from chat.errors import Conflict, RunNotFound
from chat.parts import parts
from chat.schemas.body import NoBody
from chat.schemas.jobs import CheckBody, ExportBody, JobBody
from engine import InvalidRequest, Overloaded
from training.jobs import KINDS, Elsewhere, Job, QueueFull, UnknownJob, WrongParameters, as_json

bp = Blueprint("jobs", __name__)
SECONDS_BETWEEN_LOOKS = 0.5


class JobNotFound(RunNotFound):
    """No job has that id."""

    code = "job_not_found"


@bp.get("/api/jobs")
def listing() -> Response:
    """Every job, the newest first, and what can be started."""
    return jsonify(jobs=_shown(parts().jobs.all()), kinds=list(KINDS))


@bp.get("/api/jobs/<job_id>")
def one(job_id: str) -> Response:
    """One job with what came of it."""
    return jsonify(job=as_json(_found(job_id)))


@bp.get("/api/jobs/<job_id>/log")
def log(job_id: str) -> Response:
    """A piece of what it printed, from a byte on."""
    _found(job_id)
    with _this_servers():
        return jsonify(asdict(parts().jobs.log(job_id, offset())))


@bp.post("/api/jobs")
def start() -> ResponseReturnValue:
    """Begin a job, or let it wait for its turn."""
    asked = body.read(JobBody)
    return _started(asked.kind, asked.parameters)


@bp.post("/api/jobs/<job_id>/cancel")
def cancel(job_id: str) -> ResponseReturnValue:
    """Call a job off; doing so again, or after its end, changes nothing."""
    body.read(NoBody, optional=True)
    _found(job_id)
    with _this_servers():
        return jsonify(job=as_json(parts().jobs.cancel(job_id))), 202


@bp.get("/api/jobs/events")
def events() -> Response:
    """All jobs, and then each one that is new or different, and those that are forgotten."""
    return changes.stream("job", parts().jobs.all, _shown, SECONDS_BETWEEN_LOOKS)


@bp.post("/api/models/<path:checkpoint_id>/check")
def check(checkpoint_id: str) -> ResponseReturnValue:
    """Look a checkpoint's weights through."""
    body.read(CheckBody, optional=True)
    parts().engine.checkpoint(checkpoint_id)
    return _started("check", {"model": checkpoint_id})


@bp.post("/api/models/<path:checkpoint_id>/export")
def export(checkpoint_id: str) -> ResponseReturnValue:
    """Write a checkpoint as a Hugging Face folder."""
    asked = body.read(ExportBody, optional=True)
    parts().engine.checkpoint(checkpoint_id)
    told = {name: value for name, value in (("name", asked.name), ("dtype", asked.dtype)) if value is not None}
    return _started("export", {"model": checkpoint_id, **told})


def _started(kind: str, parameters: Mapping[str, Any]) -> ResponseReturnValue:
    try:
        job = parts().jobs.start(kind, parameters)
    except WrongParameters as error:
        raise InvalidRequest(str(error), param=error.param) from error
    except QueueFull as error:
        raise Overloaded(str(error), code="queue_full", hint="Try again when one has ended.") from error
    except OSError as error:
        message = f"the job cannot be written down: {error.strerror}"
        raise Conflict(message, code="not_enough_disk", hint="Look at the disk of the data directory.") from error
    return jsonify(job=as_json(job)), 202


def _found(job_id: str) -> Job:
    try:
        return parts().jobs.one(job_id)
    except UnknownJob as error:
        raise JobNotFound(f"there is no job {job_id[:80]!r}", hint="GET /api/jobs lists them.") from error


@contextmanager
def _this_servers() -> Iterator[None]:
    """What is done here is only for jobs of this server."""
    try:
        yield
    except Elsewhere as error:
        hint = "Ask that server; of its jobs only the state is known here."
        raise Conflict(str(error), code="job_elsewhere", hint=hint) from error


def _shown(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    return [as_json(job, with_result=False) for job in jobs]
