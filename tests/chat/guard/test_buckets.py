"""So much a minute, counted with a clock that only the test moves."""

from __future__ import annotations

import pytest

from chat.guard import buckets
from chat.guard.buckets import Buckets


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_minutes_worth_may_come_at_once_and_then_none(clock: Clock):
    three = Buckets(3, clock)
    assert [three.take("me") for _ in range(4)] == [0, 0, 0, pytest.approx(20)]
    assert three.take("somebody else") == 0


def test_it_fills_up_little_by_little_and_never_over(clock: Clock):
    three = Buckets(3, clock)
    for _ in range(3):
        three.take("me")
    clock.now += 19
    assert three.take("me") == pytest.approx(1)
    clock.now += 1
    assert three.take("me") == 0
    clock.now += 6000
    assert [three.take("me") > 0 for _ in range(4)] == [False, False, False, True]


def test_what_was_used_already_leads_into_debt(clock: Clock):
    sixty = Buckets(60, clock)
    assert sixty.wait("me") == 0
    sixty.charge("me", 90)
    assert sixty.wait("me") == pytest.approx(30)
    clock.now += 31
    assert sixty.wait("me") == 0


def test_a_wait_that_has_just_ended_is_no_wait_for_ever(clock: Clock):
    sixty = Buckets(60, clock)
    sixty.charge("me", 60)
    assert 0 < sixty.wait("me") < 0.1


def test_the_callers_of_long_ago_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(buckets, "MOST_CALLERS", 2)
    one = Buckets(1, clock)
    for caller in ("a", "b", "c"):
        one.take(caller)
    assert len(one._levels) == 2
    assert one.take("a") == 0
    assert one.take("c") > 0
