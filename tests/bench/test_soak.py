"""A short soak: people come and go for some seconds, and nothing is left of them."""

from __future__ import annotations

from bench.serving import Server
from bench.soak import Counts, soak

SECONDS = 10.0


def test_nothing_is_wrong_and_nothing_left_after_people_came_and_went(served: Server) -> None:
    table, wrong = soak(served, ["quick", "other"], SECONDS, pause=1.0)
    assert wrong == []
    happened = table.measured["happened"]
    assert {"answer", "cancel", "hang_up", "converse", "unloaded"} <= set(happened)


def test_what_should_not_happen_is_kept() -> None:
    counts = Counts()
    counts.complain("a client is stuck")
    assert counts.wrong == ["a client is stuck"]
