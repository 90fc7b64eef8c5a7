"""What the server knows of its answers."""

from __future__ import annotations

import pytest

from chat import runs as runs_module
from chat.errors import RunNotFound
from chat.event_log import EventLog
from chat.runs import Run, Runs
from engine import GenerationRequest, WorkerFailed
from tests.doubles import Script, ScriptedEngine

ASKED = GenerationRequest(prompt="Hello")


def test_a_runs_state_follows_its_events():
    run = Runs().start(ScriptedEngine(load_seconds=0.1), ASKED, None)
    assert run.state == "queued"
    states = [run.state for event in run.events() if event]
    assert [state for index, state in enumerate(states) if state not in states[:index]] == [
        "loading",
        "running",
        "done",
    ]


def test_a_run_that_fails_is_failed():
    run = Runs().start(ScriptedEngine(Script(error=WorkerFailed("gone"))), ASKED, None)
    list(run.events())
    assert run.state == "failed"


def test_a_run_that_is_called_off_says_so_until_it_ends():
    run = Runs().start(ScriptedEngine(Script(token_seconds=60)), ASKED, None)
    run.cancel()
    assert run.state == "cancelling"
    list(run.events())
    assert run.state == "cancelled"


def test_silence_is_told_as_none():
    run = Runs().start(ScriptedEngine(Script(is_silent=True)), ASKED, None)
    assert next(event for event in run.events() if not hasattr(event, "stage")) is None
    run.close()


def test_a_reader_that_leaves_takes_its_run_with_it():
    engine, runs = ScriptedEngine(Script(token_seconds=60)), Runs()
    run = runs.start(engine, ASKED, None)
    runs.end(run)
    assert list(engine.cancelled_at) == [run.run_id]
    assert runs.live() == []
    assert runs.cancel(run.run_id) == "cancelled"


def test_only_the_last_ends_are_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runs_module, "ENDED_RUNS_KEPT", 2)
    engine, runs = ScriptedEngine(), Runs()
    ended = [runs.start(engine, ASKED, None) for _ in range(3)]
    for run in ended:
        list(run.events())
        runs.end(run)
    assert runs.cancel(ended[2].run_id) == "done"
    with pytest.raises(RunNotFound):
        runs.cancel(ended[0].run_id)


def logged(runs: Runs, owner: str | None = None) -> Run:
    """A run that belongs to the server and has ended, with three events in its log."""
    run = runs.start(ScriptedEngine(), ASKED, "mine", owner, EventLog())
    list(run.events())
    for number in range(3):
        run.log.append("done", {}, is_last=number == 2)
    runs.end(run)
    return run


def test_the_log_of_an_ended_run_is_there_for_its_owner_alone():
    runs = Runs()
    run = logged(runs, owner="ada")
    assert runs.log(run.run_id, "ada") is run.log
    with pytest.raises(RunNotFound):
        runs.log(run.run_id, None)


@pytest.mark.parametrize(("bound", "most"), [("LOGS_KEPT", 1), ("EVENTS_KEPT", 5), ("LOG_KEPT_SECONDS", 0.0)])
def test_logs_are_kept_for_a_while_and_within_bounds(monkeypatch: pytest.MonkeyPatch, bound: str, most: float):
    monkeypatch.setattr(runs_module, bound, most)
    runs = Runs()
    first, second = logged(runs), logged(runs)
    with pytest.raises(RunNotFound):
        runs.log(first.run_id, None)
    if bound != "LOG_KEPT_SECONDS":
        assert runs.log(second.run_id, None) is second.log


def test_nobody_calls_off_what_belongs_to_another():
    runs = Runs()
    run = runs.start(ScriptedEngine(Script(token_seconds=60)), ASKED, "mine", "ada", EventLog())
    assert runs.cancel_conversation("mine") == []
    with pytest.raises(RunNotFound):
        runs.cancel(run.run_id)
    assert runs.cancel_conversation("mine", "ada") == [run.run_id]
    assert runs.cancel(run.run_id, "ada") == "cancelling"
