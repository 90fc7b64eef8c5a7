"""Silence is counted, and only of those who owe something."""

from __future__ import annotations

from pathlib import Path

from engine.completion import Completion
from engine.letters import LoadPlan
from engine.residents import Resident, Residents
from engine.status import LoadOptions
from engine.watchdog import Patience, Watchdog

PATIENCE = Patience(step_seconds=3, loading_seconds=5, tick_seconds=1)


def one(state: str, *, owes: bool = False) -> tuple[Residents, Resident]:
    """A model in that state, with or without somebody who waits for its answer."""
    resident = Resident("a", LoadPlan("a", Path("a"), "gguf"), LoadOptions(), 1, state=state)
    residents = Residents(100)
    residents.add(resident)
    if owes:
        resident.runs["run"] = Completion("run", "a", lambda run_id: None)
    return residents, resident


def ticks_until_overdue(watchdog: Watchdog, residents: Residents, most: int = 20) -> int | None:
    return next((tick for tick in range(1, most + 1) if watchdog.overdue(residents)), None)


def test_a_worker_that_owes_an_answer_may_be_silent_for_a_step():
    residents, _ = one("ready", owes=True)
    assert ticks_until_overdue(Watchdog(PATIENCE), residents) == 4


def test_loading_has_a_limit_of_its_own():
    residents, _ = one("loading")
    assert ticks_until_overdue(Watchdog(PATIENCE), residents) == 6


def test_who_owes_nothing_may_be_silent_for_ever():
    for state in ("ready", "queued", "failed", "unloading"):
        residents, _ = one(state)
        assert ticks_until_overdue(Watchdog(PATIENCE), residents) is None


def test_a_letter_starts_the_count_again():
    watchdog = Watchdog(PATIENCE)
    residents, resident = one("ready", owes=True)
    assert ticks_until_overdue(watchdog, residents, most=3) is None
    watchdog.heard(resident)
    assert ticks_until_overdue(watchdog, residents) == 4


def test_a_pause_without_debts_starts_the_count_again():
    watchdog = Watchdog(PATIENCE)
    residents, resident = one("ready", owes=True)
    assert ticks_until_overdue(watchdog, residents, most=3) is None
    owed = dict(resident.runs)
    resident.runs.clear()
    assert watchdog.overdue(residents) == []
    resident.runs.update(owed)
    assert ticks_until_overdue(watchdog, residents) == 4


def test_the_error_says_how_long_it_was_silent_and_over_what():
    residents, resident = one("ready", owes=True)
    watchdog = Watchdog(Patience(step_seconds=0, tick_seconds=1))
    [(hung, error)] = watchdog.overdue(residents)
    assert hung is resident
    assert error.code == "worker_hung"
    assert "0 s while it computed" in error.message
