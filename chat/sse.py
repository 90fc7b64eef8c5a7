"""Events onto the wire as text/event-stream: framing, heartbeat, a vanished client, exactly one last event.

It knows of the events only which names come last: a source is an iterator of (name, data), with None for "nothing yet".
A source that numbers its events itself, because they can be asked for again, gives (name, data, number).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from flask import Response, request

from chat import errors
from engine import EngineError, Overloaded

RETRY = b"retry: 2000\n\n"
PING = b": ping\n\n"
PING_SECONDS = 10.0
LAST_EVENTS = ("done", "ready", "error")
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
Source = Iterator[tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], int] | None]
_log = logging.getLogger(__name__)


class Gate:
    """Lets a number of answers through at once, so that short requests always find a free thread.

    With `per_caller` no caller holds more than so many places.
    """

    def __init__(self, places: int, per_caller: int | None = None) -> None:
        self.places = places
        self._per_caller = per_caller
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many are inside now."""
        return self._taken.total()

    def place(self, caller: str) -> Place:
        """A place that this caller may take, once."""
        return Place(self, caller)

    def enter(self, caller: str) -> None:
        """Take a place. Raises Overloaded where all are taken, TooManyRequests where this caller has enough."""
        with self._lock:
            if self._per_caller is not None and self._taken[caller] >= self._per_caller:
                message = f"{self._per_caller} answers at once are on their way to you already"
                raise errors.TooManyRequests(message, seconds=errors.RETRY_AFTER_SECONDS, code="too_many_streams")
            if self.taken >= self.places:
                raise Overloaded(
                    f"all {self.places} places for answers are taken",
                    code="too_many_streams",
                    hint="Try again when one has ended.",
                )
            self._taken[caller] += 1

    def leave(self, caller: str) -> None:
        """Give a place back."""
        with self._lock:
            self._taken[caller] -= 1
            if self._taken[caller] <= 0:
                del self._taken[caller]


class Place:
    """A place at the gate, taken and left by `with`."""

    def __init__(self, gate: Gate, caller: str) -> None:
        self._gate, self._caller = gate, caller

    def __enter__(self) -> None:
        self._gate.enter(self._caller)

    def __exit__(self, *_: object) -> None:
        self._gate.leave(self._caller)


class Caller:
    """The client of one request while it waits: gone, or told that the server stops."""

    def __init__(self, is_gone: Callable[[], bool] | None, stopping: threading.Event) -> None:
        self._is_gone = is_gone
        self._stopping = stopping

    @property
    def is_gone(self) -> bool:
        """Whether the connection was closed; a server that cannot tell says no."""
        return self._is_gone is not None and self._is_gone()

    def check(self) -> None:
        """Raise ClientLeft when nobody waits any more, Overloaded when the server shuts down."""
        if self._stopping.is_set():
            raise Overloaded("the server is shutting down", code="shutting_down", hint="Ask again when it is back.")
        if self.is_gone:
            raise errors.ClientLeft("the client closed the connection")


def caller(stopping: threading.Event) -> Caller:
    """The client of the current request."""
    return Caller(request.environ.get("waitress.client_disconnected"), stopping)


def frame(number: int, name: str, data: Mapping[str, Any]) -> bytes:
    """One event in wire form. The JSON repeats the name as `type` and is one line."""
    text = json.dumps({"type": name, **data}, ensure_ascii=False, separators=(",", ":"))
    return f"id: {number}\nevent: {name}\ndata: {text}\n\n".encode(errors="replace")


def respond(source: Source, who: Caller, held: ExitStack, headers: Mapping[str, str] | None = None) -> Response:
    """A response that streams the source. What `held` holds is let go when it ends, in whatever way it ends."""
    response = Response(frames(source, who), headers={**HEADERS, **(headers or {})})
    if request.method == "HEAD":
        held.close()
    response.call_on_close(held.close)
    return response


def frames(source: Source, who: Caller, clock: Callable[[], float] = time.monotonic) -> Iterator[bytes]:
    """The bytes of a stream. A failure of the source, and a shutdown, become one `error` event and the end."""
    yield RETRY
    number, heard_at = 0, clock()
    try:
        for event in source:
            if event is None or event[0] not in LAST_EVENTS:
                who.check()
            if event is not None:
                name, data, number = event if len(event) == 3 else (*event, number)
                yield frame(number, name, data)
                number, heard_at = number + 1, clock()
            elif clock() - heard_at >= PING_SECONDS:
                yield PING
                heard_at = clock()
    except errors.ClientLeft:
        return
    except EngineError as error:
        yield frame(number, "error", {"error": errors.as_json(error)})
    except Exception:
        _log.exception("a stream broke after %d events", number)
        yield frame(number, "error", {"error": errors.internal_error()})
