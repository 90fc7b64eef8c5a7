"""A short walk of the requests that the long form counts in ten thousands."""

from __future__ import annotations

from bench.faults import walk
from bench.serving import Server


def test_requests_of_every_kind_leave_nothing_behind(served: Server) -> None:
    served.load("quick")
    table, wrong = walk(served, 280)
    assert wrong == []
    assert [row[0] for row in table.rows] == ["memory, MiB", "threads", "open files"]
    assert len(table.measured["looks"]) == 10
