"""Who has to go when another model needs the room: order, pins and work decide, never the clock on the wall."""

from __future__ import annotations

import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from engine.completion import Completion
from engine.errors import CheckpointProblem
from engine.letters import LoadPlan, Ready, Submit
from engine.request import SamplingParams
from engine.residents import Resident, Residents
from engine.status import LoadOptions


def ready(name: str, **options: bool) -> Resident:
    """A loaded model of 40 bytes, made now."""
    plan = LoadPlan(checkpoint_id=name, path=Path(name), format="gguf")
    return Resident(name, plan, LoadOptions(**options), reserved_bytes=40, state="ready")


def use(resident: Resident) -> None:
    """Let it begin an answer, and give it."""
    letter = Submit("run", "x", None, SamplingParams(), received_at=0.0)
    resident.accept(letter, Completion("run", resident.id, Mock()))
    resident.runs.clear()


def holding(*models: Resident) -> Residents:
    """A budget of 100 bytes with these."""
    residents = Residents(100)
    for each in models:
        residents.add(each)
    return residents


def names(evicted: list[Resident]) -> list[str]:
    return [each.id for each in evicted]


def test_the_least_recently_used_goes_first() -> None:
    first, second = ready("first"), ready("second")
    residents = holding(first, second)
    assert names(residents.to_evict("new", 40)) == ["first"]
    use(first)
    assert names(residents.to_evict("new", 40)) == ["second"]
    assert residents.most_recent() is first


@pytest.mark.parametrize("jump", [-10_000_000.0, 10_000_000.0])
def test_a_clock_that_jumps_does_not_change_who_goes(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    first, second = ready("first"), ready("second")
    residents, now = holding(first, second), time.time()
    use(second)
    monkeypatch.setattr(time, "time", lambda: now + jump)
    use(first)
    assert (first.last_used_at > second.last_used_at) == (jump > 0)
    assert names(residents.to_evict("new", 40)) == ["second"]
    assert residents.most_recent() is first


def test_what_is_pinned_or_answers_somebody_stays() -> None:
    pinned, busy, idle = ready("pinned", pinned=True), ready("busy"), ready("idle")
    residents = holding(pinned, idle)
    assert names(residents.to_evict("new", 60)) == ["idle"]
    busy.runs["run"] = Mock()
    with pytest.raises(CheckpointProblem, match="can be made free") as problem:
        holding(pinned, busy).to_evict("new", 40)
    assert problem.value.code == "not_enough_memory"


def test_nobody_goes_in_vain() -> None:
    idle, pinned = ready("idle"), ready("pinned", pinned=True)
    with pytest.raises(CheckpointProblem):
        holding(idle, pinned).to_evict("new", 70)
    assert holding(idle).to_evict("idle", 100) == [], "a model does not make way for itself"


def test_what_a_model_takes_is_the_larger_of_its_estimate_and_the_truth() -> None:
    model = ready("model")
    model.note_ready(Ready("int8", "cpu", 1, memory_bytes=70, context_length=64, load_seconds=0.1))
    assert (model.held_bytes, holding(model).used_bytes) == (70, 70)
