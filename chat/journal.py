"""What the server writes down, on the console and in a bounded file: requests, and every run in a line per step.

Prompts and answers are never logged above DEBUG; lengths, ids and times are.
"""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path

from flask import Flask, Response, g, request

from engine import Done, Event, Failed, GenerationRequest, Progress, Started, Token

LOG_FILE = "parley.log"
LOG_FILE_BYTES = 5 * 2**20
LOG_FILES_KEPT = 3
request_id: ContextVar[str] = ContextVar("request_id", default="-")
_log = logging.getLogger("chat.run")
_requests = logging.getLogger("chat.request")


def configure(level: str, directory: Path) -> None:
    """Log to the console and to `directory`/parley.log, which is cut and rotated by size."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    _add(root, logging.StreamHandler())
    logging.getLogger("waitress").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(directory / LOG_FILE, maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES_KEPT)
    except OSError as error:
        _log.warning("no log file: %s; --log-directory names another place", error)
        return
    _add(root, file)


def init_app(app: Flask) -> None:
    """Write down every request: method, path without its query, status and time; reads that went well only at DEBUG."""

    @app.before_request
    def begin() -> None:
        g.began_at = time.monotonic()

    @app.after_request
    def end(response: Response) -> Response:
        is_plain = request.method in ("GET", "HEAD") and response.status_code < 400
        _requests.log(
            logging.DEBUG if is_plain else logging.INFO,
            "%s %r %d after %.0f ms",
            request.method,
            request.path,
            response.status_code,
            1000 * (time.monotonic() - g.began_at),
        )
        return response


def _add(logger: logging.Logger, handler: logging.Handler) -> None:
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s [%(request_id)s] %(message)s"))
    handler.addFilter(_name_request)
    logger.addHandler(handler)


def _name_request(record: logging.LogRecord) -> bool:
    record.request_id = request_id.get()
    return True


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
            "run %s token %d %r %s after %.1f ms",
            self._run_id,
            event.index,
            event.text,
            event.ids,
            1000 * (now - self._last_token_at),
        )
        self._last_token_at = now
        self._tokens = event.index + 1

    def _line(self, text: str, *parts: object) -> None:
        _log.info("run %s %7.0f ms: " + text, self._run_id, 1000 * (time.monotonic() - self._born), *parts)
