"""Every error as one JSON shape: one table from the engine's errors to HTTP, and one for what HTTP itself refuses."""

from __future__ import annotations

import logging
import math

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from engine import (
    CheckpointNotFound,
    CheckpointProblem,
    EngineError,
    InvalidRequest,
    LoadCancelled,
    ModelBusy,
    Overloaded,
    WorkerFailed,
)

RETRY_AFTER_SECONDS = 2
_log = logging.getLogger(__name__)


class NotAllowed(EngineError):
    """This caller, or the page it comes from, may not do this."""

    code = "not_allowed"


class NotSignedIn(EngineError):
    """Nobody is known by what this request shows, and this server asks."""

    code = "missing_key"


class TooManyRequests(EngineError):
    """This caller has used up what is theirs for now; `seconds` says how long."""

    code = "too_many_requests"

    def __init__(self, message: str, *, seconds: float, code: str | None = None) -> None:
        super().__init__(message, code=code, hint=f"Try again in {math.ceil(seconds)} s.")
        self.seconds = seconds


class RunNotFound(EngineError):
    """No run with that id is alive or was lately."""

    code = "run_not_found"


class ConversationNotFound(EngineError):
    """No conversation of this caller has that id."""

    code = "conversation_not_found"


class MessageNotFound(EngineError):
    """No message in a conversation of this caller has that id."""

    code = "message_not_found"


class PresetNotFound(EngineError):
    """This caller has no preset of that name."""

    code = "preset_not_found"


class Conflict(EngineError):
    """What was asked contradicts what is going on at this moment."""

    code = "conflict"


class StoreProblem(EngineError):
    """The database cannot be used; everything that needs none still works."""

    code = "database_error"


class WrongMediaType(EngineError):
    """The body is not JSON by its own header."""

    code = "unsupported_media_type"


class ClientLeft(EngineError):
    """Whoever asked has closed the connection; nobody reads this error, but the log does."""

    code = "client_left"


# The first class that fits decides, so a child must stand before its parent.
STATUS: dict[type[EngineError], tuple[int, str]] = {
    InvalidRequest: (400, "invalid_request_error"),
    NotSignedIn: (401, "authentication_error"),
    NotAllowed: (403, "permission_error"),
    CheckpointNotFound: (404, "not_found_error"),
    RunNotFound: (404, "not_found_error"),
    ConversationNotFound: (404, "not_found_error"),
    MessageNotFound: (404, "not_found_error"),
    PresetNotFound: (404, "not_found_error"),
    Conflict: (409, "conflict_error"),
    ModelBusy: (409, "conflict_error"),
    LoadCancelled: (409, "conflict_error"),
    WrongMediaType: (415, "invalid_request_error"),
    CheckpointProblem: (422, "checkpoint_error"),
    TooManyRequests: (429, "rate_limit_error"),
    ClientLeft: (499, "invalid_request_error"),
    WorkerFailed: (500, "server_error"),
    Overloaded: (503, "overloaded_error"),
    StoreProblem: (503, "server_error"),
    EngineError: (500, "server_error"),
}

_HTTP = {
    404: ("not_found_error", "route_not_found", "there is nothing at this address", "GET /api/docs lists the routes."),
    405: ("invalid_request_error", "method_not_allowed", "this address does not know that method", None),
    413: ("invalid_request_error", "body_too_large", "the request is larger than this server reads", None),
    415: ("invalid_request_error", "unsupported_media_type", "the body must be JSON", None),
}


def status_of(error: EngineError) -> tuple[int, str]:
    """The HTTP status and the error's `type`."""
    return next(entry for kind, entry in STATUS.items() if isinstance(error, kind))


def as_json(error: EngineError) -> dict[str, str | None]:
    """What stands under `error` in a response and in an `error` event."""
    return _shape(status_of(error)[1], error.code, error.message, error.param, error.hint)


def internal_error() -> dict[str, str | None]:
    """What a caller is told when this server itself is at fault; the log tells the rest."""
    return _shape(
        "server_error",
        "internal_error",
        "something broke in the server while it worked on this",
        None,
        "The server's log has the details under this x-request-id.",
    )


def init_app(app: Flask) -> None:
    """Answer every error of every route in the one shape."""
    app.register_error_handler(EngineError, _engine_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _shape(kind: str, code: str, message: str, param: str | None, hint: str | None) -> dict[str, str | None]:
    return {"type": kind, "code": code, "message": message, "param": param, "hint": hint}


def _respond(shape: dict[str, str | None], status: int) -> Response:
    response = jsonify(error=shape)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _engine_error(error: EngineError) -> Response:
    response = _respond(as_json(error), status_of(error)[0])
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(max(1, math.ceil(error.seconds)))
    if isinstance(error, NotSignedIn):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    name = error.name.lower()
    kind = "server_error" if error.code >= 500 else "invalid_request_error"
    kind, code, message, hint = _HTTP.get(error.code, (kind, name.replace(" ", "_"), name, None))
    response = _respond(_shape(kind, code, message, None, hint), error.code)
    if error.code == 405:
        response.headers["Allow"] = dict(error.get_headers()).get("Allow", "")
    return response


def _unexpected(error: Exception) -> Response:
    _log.exception("a request broke")
    return _respond(internal_error(), 500)
