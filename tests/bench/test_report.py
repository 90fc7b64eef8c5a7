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
    told = json.loads(save("first", table, tmp_path / "first.json").read_text())
    assert told["table"] == [{"what": "first", "ms": "1.0"}]
    assert told["measured"] == {"ms": [1.0]}
    assert told["machine"]["cores"] > 0


def test_a_picture_has_a_point_for_each_count_and_its_words_are_text() -> None:
    drawn = svg("Speed & size", "streams", Curve("a<b", {1: [10.0, 12.0], 8: [40.0]}))
    assert drawn.count("<circle") == 2
    assert "Speed &amp; size" in drawn
    assert "a&lt;b" in drawn
