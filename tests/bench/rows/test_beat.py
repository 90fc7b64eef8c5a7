"""Gaps count while all are answered."""

from __future__ import annotations

import socket

from bench.rows.beat import even_gaps
from bench.serving import Stream


def stream(*seconds: float) -> Stream:
    """An answer whose token events came at these times."""
    made = Stream(socket.socket(), 0.0, events=[(at, "token", {"text": "a"}) for at in seconds])
    made.connection.close()
    return made


def test_gaps_before_the_last_has_begun_and_after_the_first_has_ended_do_not_count() -> None:
    early, late = stream(1.0, 1.5, 2.0, 2.25), stream(1.5, 2.0, 9.0)
    assert even_gaps([early, late]) == [500.0, 250.0, 500.0]


def test_answers_that_never_overlap_have_no_gap() -> None:
    assert even_gaps([stream(1.0, 2.0), stream(3.0, 4.0)]) == []
