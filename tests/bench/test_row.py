"""What a measurement knows is saved as it grows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bench.menu import ROWS, Options, Row
from bench.report import Table
from bench.row import measured


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """A folder of its own for the results."""
    return Options(results=tmp_path, threads=2)


def offer(monkeypatch: pytest.MonkeyPatch, measure: object) -> None:
    """Have a row called `made_up` that is measured so."""
    module = ModuleType("made_up_row")
    module.measure = measure
    monkeypatch.setitem(sys.modules, "made_up_row", module)
    monkeypatch.setitem(ROWS, "made_up", Row("made up", "made_up_row", has_model=False))


def grown(count: int) -> Table:
    return Table(("ms",), tuple((f"{number}",) for number in range(count)), {"count": count})


def test_the_last_table_is_the_whole_one(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, lambda options: iter([grown(1), grown(2)]))
    assert measured("made_up", options).measured == {"count": 2}
    assert json.loads((options.results / "made_up.json").read_text())["measured"] == {"count": 2}


def test_what_breaks_halfway_leaves_what_it_had(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(options: Options) -> Iterator[Table]:
        yield grown(1)
        raise RuntimeError("the peer has died")

    offer(monkeypatch, measure)
    with pytest.raises(RuntimeError, match="the peer has died"):
        measured("made_up", options)
    assert json.loads((options.results / "made_up.json").read_text())["measured"] == {"count": 1}


def test_a_row_that_measures_nothing_is_a_mistake(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, lambda options: iter(()))
    with pytest.raises(SystemExit, match="measured nothing"):
        measured("made_up", options)
