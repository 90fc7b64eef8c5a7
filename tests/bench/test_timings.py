"""What an answer says of its times is what a stopwatch outside the server says."""

from __future__ import annotations

import pytest

from bench.rows.timings import seen
from bench.serving import Server, listen

WITHIN = 0.05
# What a busy machine may put between an event and whoever hears it, in milliseconds.
HEARING_MS = 40.0
TRIES = 3


def agree(server: Server) -> tuple[dict[str, float], dict[str, float]]:
    """One answer behind three others in the queue: its times as told and as seen."""
    before = [{"model": "slow", "prompt": f"{number} " * 20, "max_new_tokens": 24} for number in range(16)]
    long = {"model": "slow", "prompt": "A long story. " * 60, "max_new_tokens": 80, "temperature": 0}
    stream = listen(server, [*before, long])[-1]
    return stream.events[-1][2]["timings"], seen(stream)


def test_times_told_are_times_seen(served: Server) -> None:
    served.load("slow")
    for attempt in range(TRIES):
        told, measured = agree(served)
        tolerated = {name: max(WITHIN * value, HEARING_MS) for name, value in measured.items()}
        wrong = {
            name: (told[name], value)
            for name, value in measured.items()
            if name.endswith("_ms") and abs(told[name] - value) > tolerated[name]
        }
        rate = abs(told["tokens_per_second"] / measured["tokens_per_second"] - 1)
        if not wrong and rate <= WITHIN:
            break
        assert attempt < TRIES - 1, f"told and seen differ: {wrong}, the rate by {rate:.3f}"
    assert measured["queue_ms"] > 5 * HEARING_MS
    assert measured["prefill_ms"] > 5 * HEARING_MS
    assert measured["decode_ms"] > 5 * HEARING_MS


def test_the_parts_of_the_time_to_the_first_token_leave_no_gap(served: Server) -> None:
    told = listen(served, [{"model": "slow", "prompt": "Once", "max_new_tokens": 3}])[0].events[-1][2]["timings"]
    parts = told["queue_ms"] + told["load_ms"] + told["prefill_ms"]
    assert parts == pytest.approx(told["time_to_first_token_ms"], abs=0.01)


def test_the_status_tells_the_times_of_the_answer_that_ended_last(served: Server) -> None:
    told = listen(served, [{"model": "slow", "prompt": "Once", "max_new_tokens": 3}])[0].events[-1][2]["timings"]
    status = served.ask("/api/models/slow/status")
    assert status["timings"] == told
    assert 0 < status["cache"]["bytes"] <= status["cache"]["budget_bytes"]
    assert (status["running"], status["waiting"]) == (0, 0)
