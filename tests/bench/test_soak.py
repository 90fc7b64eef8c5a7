"""A soak of a minute: people come and go, and nothing is left of them."""

from __future__ import annotations

from bench.serving import Server
from bench.soak import Plan, soak

SECONDS = 60.0


def test_nothing_is_wrong_and_nothing_left_after_people_came_and_went(served: Server) -> None:
    # They rest, so that other tests have the machine meanwhile.
    plan = Plan("quick", ("other",), SECONDS, bouts=2, pause_seconds=4.0, rest_seconds=2.0)
    table, wrong = soak(served, plan)
    assert wrong == []
    assert {"answer", "cancel", "hang_up", "converse", "unloaded"} <= set(table.measured["happened"])
