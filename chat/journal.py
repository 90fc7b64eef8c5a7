"""What the server writes down, on the console and in a bounded file: requests, and every run in a line per step.

Prompts and answers are never logged unless the settings say so aloud; lengths, ids and times are.
"""

from __future__ import annotations

import json
import logging
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from flask import Flask, Response, g, request

from engine import Done, Event, Failed, GenerationRequest, Progress, Started, Token

LOG_FILE = "parley.log"
LOG_FILE_BYTES = 5 * 2**20
LOG_FILES_KEPT = 3
request_id: ContextVar[str] = ContextVar("request_id", default="-")
caller: ContextVar[str] = ContextVar("caller", default="-")
_log = logging.getLogger("chat.run")
_requests = logging.getLogger("chat.request")
# What is said comes by here, and this logger is silent unless the settings let it speak.
_said = logging.getLogger("chat.said")
_FORM = "%(asctime)s %(levelname)-7s %(name)s [%(request_id)s %(caller)s] %(message)s"
_FIELDS = ("method", "path", "route", "status", "ms")


class JsonLines(logging.Formatter):
    """Each line one JSON object: time, level, logger, request, caller, message and what else a line tells."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of this record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "caller": getattr(record, "caller", "-"),
            "message": record.getMessage(),
            **{name: getattr(record, name) for name in _FIELDS if hasattr(record, name)},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def name_caller(number: str, name: str) -> None:
    """What the lines of this thread are marked with from now on: the request's number, and who sent it."""
    request_id.set(number)
    caller.set(name)


def configure(level: str, directory: Path, form: str = "text") -> None:
    """Log to the console and to `directory`/parley.log, which is cut and rotated by size; `form` is text or json."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    formatter = JsonLines() if form == "json" else logging.Formatter(_FORM)
    _add(root, logging.StreamHandler(), formatter)
    for talkative in ("waitress", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(directory / LOG_FILE, maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES_KEPT)
    except OSError as error:
        _log.warning("no log file: %s; --log-directory names another place", error)
        return
    _add(root, file, formatter)


def init_app(app: Flask, log_prompts: bool = False) -> None:
    """Write down every request: method, path without its query, status and time; reads that went well only at DEBUG."""
    _said.setLevel(logging.INFO if log_prompts else logging.CRITICAL + 1)

    @app.before_request
    def begin() -> None:
        g.began_at = time.monotonic()

    @app.after_request
    def end(response: Response) -> Response:
        is_plain = request.method in ("GET", "HEAD") and response.status_code < 400
        facts = {
            "method": request.method,
            "path": request.path,
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "ms": round(1000 * (time.monotonic() - g.began_at)),
        }
        level = logging.DEBUG if is_plain else logging.INFO
        _requests.log(
            level, "%s %r %d after %d ms", *[facts[name] for name in ("method", "path", "status", "ms")], extra=facts
        )
        return response


def _add(logger: logging.Logger, handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    handler.addFilter(_name_request)
    logger.addHandler(handler)


def _name_request(record: logging.LogRecord) -> bool:
    record.request_id, record.caller = request_id.get(), caller.get()
    return True


def _text(request: GenerationRequest) -> str:
    if request.messages is None:
        return repr(request.prompt)
    return "; ".join(f"{message.role}: {message.content!r}" for message in request.messages)


def _length(request: GenerationRequest) -> str:
    if request.prompt_ids is not None:
        return f"a prompt of {len(request.prompt_ids)} tokens"
    if request.messages is None:
        return f"a prompt of {len(request.prompt)} characters"
    characters = sum(len(message.content) for message in request.messages)
    return f"{len(request.messages)} messages of {characters} characters together"


def _parameters(request: GenerationRequest) -> str:
    """What the caller named; of the stop strings, which may quote a prompt, only how many."""
    given = {**request.sampling}
    if "stop" in given:
        given["stop"] = f"{len(given['stop'])} strings"
    return ", ".join(f"{name} {value}" for name, value in sorted(given.items())) or "parameters as the model has them"


class RunLog:
    """Writes the life of one run down while its events pass by."""

    def __init__(self, run_id: str, model: str, request: GenerationRequest) -> None:
        self._run_id = run_id
        self._born = time.monotonic()
        self._last_token_at = self._born
        self._stage: str | None = None
        self._tokens = 0
        self._ended = False
        self._line("received for %s: %s; %s", model, _length(request), _parameters(request))
        _said.info("run %s was asked %s", run_id, _text(request))

    def saw(self, event: Event) -> None:
        """Note one event."""
        if isinstance(event, Token):
            self._token(event)
        elif isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Started):
            self._line(
                "prefill of %d tokens, %d of them cached, seed %d", event.prompt_tokens, event.cached_tokens, event.seed
            )
        elif isinstance(event, Done):
            self._ended = True
            _said.info("run %s answered %r", self._run_id, event.text)
            self._line(
                "finished (%s): %d tokens, %.1f tokens/s",
                event.finish_reason,
                event.usage.completion_tokens,
                event.timings.tokens_per_second,
            )
        elif isinstance(event, Failed):
            self._ended = True
            self._line("failed (%s): %s", event.error.code, event.error.message)

    def closed(self) -> None:
        """Note that nobody reads any more; silent for a run that had ended."""
        if not self._ended:
            self._line("left by its reader after %d tokens", self._tokens)

    def _progress(self, event: Progress) -> None:
        if event.stage != self._stage:
            self._stage = event.stage
            self._line("%s, position %d", event.stage, event.queue_position)

    def _token(self, event: Token) -> None:
        now = time.monotonic()
        if self._tokens == 0:
            self._line("first token")
        _log.debug(
            "run %s token %d after %.1f ms",
            self._run_id,
            event.index,
            1000 * (now - self._last_token_at),
        )
        self._last_token_at = now
        self._tokens = event.index + 1

    def _line(self, text: str, *parts: object) -> None:
        _log.info("run %s %7.0f ms: " + text, self._run_id, 1000 * (time.monotonic() - self._born), *parts)
