"""Answers bound to one request, for programs that speak another protocol than ours: whole, or as a stream of frames."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from chat import errors, sse
from chat.parts import current_owner, parts
from chat.runs import POLL_SECONDS, Run
from engine import Done, EngineError, Event, Failed, GenerationRequest, Started, Token

SECONDS_BEFORE_THE_STREAM = 1.0
_log = logging.getLogger(__name__)
Frames = Iterator[bytes | None]


@dataclass
class Whole:
    """An answer that has ended, with what was told of its tokens."""

    done: Done
    started: Started | None
    tokens: list[Token] = field(default_factory=list)


def begin(requests: Sequence[GenerationRequest], held: ExitStack, who: sse.Caller) -> list[Run]:
    """Start answers that end with what `held` holds, in one place at the gate. Raises what Engine.submit raises."""
    who.check()
    house = parts()
    held.enter_context(house.gate)
    runs = []
    for wanted in requests:
        runs.append(house.runs.start(house.engine, wanted, None, current_owner()))
        held.callback(house.runs.end, runs[-1])
    return runs


def whole(run: Run, who: sse.Caller) -> Whole:
    """Wait for an answer's end. Raises its error, and ClientLeft."""
    started, tokens = None, []
    for event in run.events():
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, Done):
            return Whole(event, started, tokens)
        who.check()
        if isinstance(event, Started):
            started = event
        elif isinstance(event, Token):
            tokens.append(event)
    raise errors.ClientLeft("the answer was called off")


def events(run: Run) -> Iterator[Event | None]:
    """A run's events; a failure is raised as the error that it is."""
    for event in run.events():
        if isinstance(event, Failed):
            raise event.error
        yield event


def raise_early_failures(runs: Sequence[Run], who: sse.Caller) -> None:
    """Give what fails at once its proper HTTP status, which a stream that has begun cannot have."""
    deadline = time.monotonic() + SECONDS_BEFORE_THE_STREAM
    for run in runs:
        first = None
        while first is None and time.monotonic() < deadline:
            who.check()
            first = run.completion.peek(POLL_SECONDS)
        if isinstance(first, Failed):
            next(run.events())
            raise first.error


def respond(
    frames: Frames,
    who: sse.Caller,
    held: ExitStack,
    *,
    tell: Callable[[dict[str, Any]], bytes],
    ping: bytes | None = sse.PING,
    content_type: str = sse.HEADERS["Content-Type"],
) -> Response:
    """A response of these frames; an error in between becomes one last frame, `tell(error)`.

    A frame of None says that there is nothing yet; after some silence `ping` goes out, where there is one.
    """
    response = Response(_flow(frames, who, tell, ping), headers={**sse.HEADERS, "Content-Type": content_type})
    response.call_on_close(held.close)
    return response


def _flow(
    frames: Frames, who: sse.Caller, tell: Callable[[dict[str, Any]], bytes], ping: bytes | None
) -> Iterator[bytes]:
    heard_at = time.monotonic()
    try:
        for frame in frames:
            who.check()
            if frame is not None:
                yield frame
                heard_at = time.monotonic()
            elif ping is not None and time.monotonic() - heard_at >= sse.PING_SECONDS:
                yield ping
                heard_at = time.monotonic()
    except errors.ClientLeft:
        return
    except EngineError as error:
        yield tell(errors.as_json(error))
    except Exception:
        _log.exception("a stream broke")
        yield tell(errors.internal_error())
