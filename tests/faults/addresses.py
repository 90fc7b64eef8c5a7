"""Every address of the interface asked by what its own description allows and forbids: what the answers were."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings

from chat import create_app
from chat.settings import Settings
from tests.chat.talk import begin, conversation, follow
from tests.doubles import ScriptedEngine

# A stream of changes has no end of its own.
ENDLESS = "/events"
BUSY = 503


@dataclass
class Outcome:
    """How often each status came, a command for each answer that should not have been, and the rounds gone whole."""

    statuses: Counter[int] = field(default_factory=Counter)
    finds: dict[tuple[str, str, int], str] = field(default_factory=dict)
    rounds: int = 0


def ask_everything(folder: Path, examples: int, seconds: float, rounds: int | None = 1) -> Outcome:
    """Ask each address of a server with a scripted engine `examples` times, until the time is up.

    Each round asks something else; None goes round until the time is up. Half the requests that need an id get one that
    is there, so that what lies behind it is reached too.
    """
    engine = ScriptedEngine()
    app = create_app(Settings(port=0, data_directory=folder / "data", log_directory=folder / "logs"), engine)
    outcome, ends_at = Outcome(), time.monotonic() + seconds
    known = _known(app, engine)
    for turn in count() if rounds is None else range(rounds):
        for operation in _operations(app):
            if time.monotonic() > ends_at:
                break
            _ask(operation, known, examples, turn, outcome)
            if operation.method == "delete":
                known = _known(app, engine)
        if time.monotonic() > ends_at:
            break
        outcome.rounds += 1
    app.extensions["parley"].close()
    return outcome


def _known(app: Flask, engine: ScriptedEngine) -> dict[str, list[str]]:
    """Ids that are there, by the parameter that takes them."""
    client = app.test_client()
    talk = conversation(client)
    said = begin(client, talk, "Hello?")
    follow(client, said["run_id"])
    return {
        "conversation_id": [talk],
        "message_id": [said["user_message"]["id"], said["assistant_message"]["id"]],
        "run_id": [said["run_id"]],
        "checkpoint_id": [info.id for info in engine.checkpoints().checkpoints],
    }


def _operations(app: Flask) -> Iterator[Any]:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    for found in schema.get_all_operations():
        operation = found.ok()
        if not (operation.path.endswith(ENDLESS) and operation.method == "get"):
            yield operation


def _ask(operation: Any, known: Mapping[str, list[str]], examples: int, turn: int, outcome: Outcome) -> None:
    declared = {str(status) for status in operation.definition.raw["responses"]}
    numbers = count()

    @seed(turn)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        number = next(numbers)
        for name in case.path_parameters or {}:
            if number % 2 and known.get(name):
                case.path_parameters[name] = known[name][number % len(known[name])]
        answer = case.call(headers={"Host": "localhost"})
        outcome.statuses[answer.status_code] += 1
        is_failure = answer.status_code >= 500 and answer.status_code != BUSY
        if is_failure or str(answer.status_code) not in declared:
            key = (operation.method, operation.path, answer.status_code)
            outcome.finds.setdefault(key, case.as_curl_command())

    ask()
