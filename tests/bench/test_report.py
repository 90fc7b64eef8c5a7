"""Tables, spreads and pictures of measurements."""

from __future__ import annotations

import json
from pathlib import Path

from bench.plot import Curve, svg
from bench.report import Table, save, share, spread


def test_a_spread_is_the_median_with_the_least_and_the_most() -> None:
    assert spread([3.0, 1.0, 2.0]) == "2.0 (1.0 to 3.0)"
    assert spread([2.0]) == "2.0"


def test_a_share_is_the_value_that_so_many_do_not_exceed() -> None:
    assert share(list(range(1, 101)), 0.99) == 100
    assert share([5.0], 0.99) == 5.0


def test_a_table_is_saved_with_its_machine_and_all_that_was_measured(tmp_path: Path) -> None:
    table = Table(("what", "ms"), (("first", "1.0"),), {"ms": [1.0]})
    assert table.markdown().splitlines() == ["| what | ms |", "| --- | --- |", "| first | 1.0 |"]
    file = save("first", table, "2 threads", tmp_path / "first.json")
    told = json.loads(file.read_text())
    assert told["table"] == [{"what": "first", "ms": "1.0"}]
    assert told["measured"] == {"ms": [1.0]}
    assert told["conditions"] == "2 threads"
    assert told["machine"]["cores"] > 0
    assert file.with_suffix(".md").read_text().endswith(f"{table.markdown()}\n")


def test_what_is_saved_again_takes_the_place_of_what_was(tmp_path: Path) -> None:
    for value in ("1.0", "2.0"):
        file = save("first", Table(("ms",), ((value,),), {}), "", tmp_path / "first.json")
    assert json.loads(file.read_text())["table"] == [{"ms": "2.0"}]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["first.json", "first.md"]


def test_a_picture_has_a_point_for_each_count_of_each_contestant_and_its_words_are_text() -> None:
    ours = Curve("a<b", {1: [10.0, 12.0], 8: [40.0]})
    drawn = svg("Speed & size", "two threads", "streams", [ours, Curve("theirs", {1: [5.0], 8: [6.0]})])
    assert drawn.count("<circle") == 4
    assert drawn.count("<polyline") == 2
    assert "Speed &amp; size" in drawn
    assert "a&lt;b" in drawn
    assert "tokens per second" in drawn
