"""A completion gives events in order and ends exactly once."""

from __future__ import annotations

from threading import Thread

import pytest

from engine.completion import Completion
from engine.errors import WorkerFailed
from engine.letters import Done, Failed, Progress, Timings, Token, Usage

DONE = Done("r", "stop", "hello", Usage(1, 2, 0), Timings(0, 0, 0, 0, 0, 0, 0), None)


def make() -> Completion:
    return Completion("r", "model", lambda run_id: None)


def test_events_come_out_in_the_order_they_went_in() -> None:
    completion = make()
    events = [Progress("r", "prefill"), Token("r", "hel", (1,), 0), Token("r", "lo", (2,), 1), DONE]
    Thread(target=lambda: [completion.put(event) for event in events]).start()
    assert list(completion) == events


def test_nothing_comes_after_the_end() -> None:
    completion = make()
    assert completion.put(DONE)
    assert not completion.put(Failed("r", WorkerFailed("too late")))
    assert list(completion) == [DONE]


def test_peeking_leaves_the_event() -> None:
    completion = make()
    assert completion.peek(0.01) is None
    completion.put(DONE)
    assert completion.peek(0.01) is DONE
    assert completion.next(0.01) is DONE
    assert completion.next(0.01) is None


def test_a_failed_run_raises_its_own_error() -> None:
    completion = make()
    completion.put(Failed("r", WorkerFailed("it broke")))
    with pytest.raises(WorkerFailed, match="it broke"):
        completion.result()


def test_waiting_has_an_end() -> None:
    with pytest.raises(TimeoutError):
        make().result(timeout_seconds=0.01)


def test_cancelling_after_the_end_asks_nobody() -> None:
    asked: list[str] = []
    completion = Completion("r", "model", asked.append)
    completion.cancel()
    completion.put(DONE)
    completion.cancel()
    assert asked == ["r"]
