"""POST /api/generate: one answer, bound to its connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from chat import sse
from chat.api import body, views
from chat.parts import current_owner, parts
from chat.runs import POLL_SECONDS, Run
from chat.schemas.generate import GenerateBody
from engine import Done, Failed, Started, Token

bp = Blueprint("generate", __name__)
SECONDS_BEFORE_THE_STREAM = 1.0


@bp.post("/api/generate")
def generate() -> ResponseReturnValue:
    """Answer a prompt or a conversation, as a stream or whole; closing the connection ends the compute."""
    asked = body.read(GenerateBody)
    wanted, house = asked.request(), parts()
    who = sse.caller(house.stopping)
    who.check()
    with ExitStack() as held:
        held.enter_context(house.gate)
        run = house.runs.start(house.engine, wanted, asked.conversation_id, current_owner())
        held.callback(house.runs.end, run)
        headers = {"X-Run-Id": run.run_id}
        if not asked.stream:
            return jsonify(_whole(run, who)), headers
        _raise_an_early_failure(run, who)
        return sse.respond(_stream(run), who, held.pop_all(), headers)


def _stream(run: Run) -> Iterator[tuple[str, dict[str, Any]] | None]:
    for event in run.events():
        yield None if event is None else views.event(event)


def _whole(run: Run, who: sse.Caller) -> dict[str, Any]:
    answer: dict[str, Any] = {"run_id": run.run_id, "model": run.model}
    for event in run.events():
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, Done):
            answer.update(views.done(event))
            break
        who.check()
        if isinstance(event, Started):
            answer.update(views.started(event))
        elif isinstance(event, Token) and event.tokens:
            answer.setdefault("tokens", []).extend(views.token(event)["tokens"])
    return answer


def _raise_an_early_failure(run: Run, who: sse.Caller) -> None:
    """Give what fails at once its proper HTTP status, which a stream that has begun cannot have."""
    for _ in range(round(SECONDS_BEFORE_THE_STREAM / POLL_SECONDS)):
        first = run.completion.peek(POLL_SECONDS)
        if isinstance(first, Failed):
            next(run.events())
            raise first.error
        if first is not None:
            return
        who.check()
