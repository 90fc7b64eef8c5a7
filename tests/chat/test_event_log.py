"""Blocks in the log of a run: whoever comes late sees what those saw who were there, in fewer events."""

from __future__ import annotations

from typing import Any

import pytest

from chat import event_log
from chat.event_log import EventLog


def block(index: int, html: str, *, append: bool = False, final: bool = False) -> dict[str, Any]:
    return {"index": index, "html": html, "final": final, "append": append}


def logged(*events: dict[str, Any]) -> list[tuple[str, dict[str, Any], int]]:
    log = EventLog()
    for data in events:
        log.append("block", data)
    log.append("done", {}, is_last=True)
    return [entry for entry in log.follow(0, 0.1) if entry]


def test_a_block_that_is_drawn_anew_is_told_once() -> None:
    told = logged(block(0, "a"), block(1, "b"), block(0, "c"))
    assert [(data["html"], number) for name, data, number in told if name == "block"] == [("b", 1), ("c", 2)]


def test_what_was_appended_is_told_after_the_block_it_belongs_to() -> None:
    told = logged(block(0, "<pre>"), block(0, "a", append=True), block(1, "x"), block(0, "b", append=True))
    assert [data["html"] for name, data, _ in told if name == "block"] == ["<pre>", "a", "x", "b"]


def test_a_final_block_takes_the_place_of_all_that_was_appended() -> None:
    told = logged(block(0, "<pre>"), block(0, "a", append=True), block(0, "b", append=True), block(0, "z", final=True))
    assert [data["html"] for name, data, _ in told if name == "block"] == ["z"]


def test_a_snapshot_joins_what_was_appended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MOST_EVENTS", 20)
    pieces = [block(1, f"{number},", append=True) for number in range(40)]
    told = logged(block(0, "old"), block(1, "<pre>"), *pieces)
    assert told[0][0] == "snapshot"
    first, second, third = told[0][1]["blocks"]
    assert (first["html"], second["html"]) == ("old", "<pre>")
    rest = "".join(data["html"] for name, data, _ in told[1:] if name == "block")
    assert third["html"] + rest == "".join(piece["html"] for piece in pieces)


def test_a_final_block_after_a_snapshot_still_takes_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MOST_EVENTS", 20)
    pieces = [block(0, "x", append=True) for _ in range(30)]
    told = logged(block(0, "<pre>"), *pieces, block(0, "z", final=True))
    assert [data["html"] for name, data, _ in told if name == "block"] == ["z"]
