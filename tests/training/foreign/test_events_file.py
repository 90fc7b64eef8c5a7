from __future__ import annotations

import json
import math

import pytest

from training.foreign.events_file import EventsReader


def line(event: str, **told: object) -> bytes:
    return json.dumps({"event": event, "at": 1.7e9, "writer": "a", **told}).encode() + b"\n"


def test_numbers_come_with_their_step_time_and_tokens() -> None:
    (row,) = EventsReader().feed(line("batch_end", step=3, loss=2.5, lr=0.1, tokens=64, batch_idx=2))
    assert row == ({"loss": 2.5, "learning_rate": 0.1}, 3, 1.7e9, 64.0)


def test_a_line_that_is_cut_waits_for_its_end() -> None:
    reader, whole = EventsReader(), line("batch_end", step=1, loss=2.0)
    for cut in range(1, len(whole)):
        assert list(reader.feed(whole[:cut])) == []
        assert [row.step for row in reader.feed(whole[cut:])] == [1]


def test_nan_and_infinity_are_kept_as_such() -> None:
    text = b'{"event":"batch_end","step":1,"loss":"NaN","a":"Infinity","b":"-Infinity","c":NaN,"d":1e999}\n'
    (row,) = EventsReader().feed(text)
    assert math.isnan(row.values["loss"])
    assert math.isnan(row.values["c"])
    assert (row.values["a"], row.values["b"], row.values["d"]) == (math.inf, -math.inf, math.inf)


@pytest.mark.parametrize(
    "bad",
    [b"{", b"[]", b"3", b"null", b'"text"', b"{}", b'{"event": 5}', b'{"event": ["batch_end"]}', b"\xff\xfe\x00",
     b"[" * 100_000, b'{"event":"batch_end"' + b" " * 2**21 + b"}"],
)  # fmt: skip
def test_what_is_no_event_is_counted_and_the_next_line_is_read(bad: bytes) -> None:
    reader = EventsReader()
    rows = list(reader.feed(bad + b"\n" + line("batch_end", step=1, loss=2.0)))
    assert [row.step for row in rows] == [1]
    assert reader.facts.skipped == 1


@pytest.mark.parametrize(
    "told",
    [{"step": "x"}, {"step": -1}, {"step": 1e300}, {"step": None}, {"step": [1]}, {"step": True}, {"step": 1.5},
     {"loss": {"deep": {"deeper": 1}}}, {"at": "yesterday"}, {"at": 1e300}, {"tokens": "NaN"}, {"epoch": "Infinity"},
     {"writer": 5}, {"loss": 10**400}],
)  # fmt: skip
def test_wrong_types_do_no_harm(told: dict) -> None:
    reader = EventsReader()
    rows = list(reader.feed(line("batch_end", **{"loss": 1.0, "other": 2.0, **told})))
    assert [row.values["other"] for row in rows] == [2.0]
    assert reader.facts.epoch is None


@pytest.mark.parametrize(
    "event", ["writer_start", "control_ready", "training_start", "training_end", "epoch_start", "control", "sample",
              "checkpoint_saved", "checkpoint_loaded", "error_occurred", "row", "feed", "mark", "__init__"]
)  # fmt: skip
@pytest.mark.parametrize(
    "told", [{}, {"config": 5, "acts": 5, "pid": "x", "total_steps": "many", "act": [], "step": {}}]
)
def test_an_event_without_its_parts_does_no_harm(event: str, told: dict) -> None:
    reader = EventsReader()
    assert [row.step for row in reader.feed(line(event, **told) + line("batch_end", step=1, loss=1.0))] == [1]


def test_the_facts_of_a_run_are_known() -> None:
    reader = EventsReader()
    told = [
        line("writer_start", pid=7, process="mark", host="here", config={"layers": 2}),
        line("control_ready", acts=["pause"]),
        line("training_start", total_steps=10, total_epochs=2),
        line("batch_end", step=4, loss=1.0),
        line("control", act="pause", number=1),
        line("checkpoint_saved", checkpoint_path="x/y.pt", step=4),
    ]
    assert len(list(reader.feed(b"".join(told)))) == 1
    facts = reader.facts
    assert (facts.total_steps, facts.total_epochs, facts.controls, facts.is_paused) == (10, 2.0, ("pause",), True)
    assert (facts.writer, facts.config) == ((7, "mark", "here"), {"layers": 2})
    assert [(mark.kind, mark.step, mark.path) for mark in facts.marks] == [
        ("start", None, None),
        ("control", 4, None),
        ("checkpoint", 4, "x/y.pt"),
    ]
    list(reader.feed(line("error_occurred", error="no memory", fatal=True)))
    assert facts.failure == "no memory"
    list(reader.feed(line("writer_start", writer="b", pid=8, process="m", host="here")))
    assert (facts.failure, facts.is_paused, facts.controls) == (None, False, ())


def test_a_run_that_goes_on_has_one_writer_and_two_at_once_are_noticed() -> None:
    reader = EventsReader()
    list(reader.feed(line("batch_end", loss=1, writer="a") + line("batch_end", loss=1, writer="b")))
    assert not reader.facts.has_two_writers
    list(reader.feed(line("batch_end", loss=1, writer="a")))
    assert reader.facts.has_two_writers
