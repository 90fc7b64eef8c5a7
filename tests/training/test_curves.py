from __future__ import annotations

import math

import pytest

from training import curves
from training.curves import Curve, Curves, kind_of
from training.foreign.row import Row


def curve(*points: tuple[float, float]) -> Curve:
    made = Curve("loss")
    for step, value in points:
        made.add(value, step, 1.7e9 + step, math.nan)
    return made


def test_few_points_stay_as_they_were() -> None:
    assert curve((1, 3.0), (2, 2.5)).points("step", 100) == [(1, 3.0, 3.0, 3.0), (2, 2.5, 2.5, 2.5)]


def test_a_spike_survives_in_its_bucket() -> None:
    made = curve(*((step, 50.0 if step == 7777 else 1.0) for step in range(100_000)))
    drawn = made.points("step", 2000)
    assert len(drawn) == 2000
    assert [(x, high) for x, value, low, high in drawn if high == 50.0] == [(7799, 50.0)]


def test_where_steps_go_back_the_later_points_count() -> None:
    made = curve((1, 3.0), (2, 2.0), (3, 9.0), (4, 9.0), (3, 1.5), (4, 1.0))
    assert [(x, value) for x, value, _, _ in made.points("step", 100)] == [(1, 3.0), (2, 2.0), (3, 1.5), (4, 1.0)]


def test_nan_is_nothing_and_hides_nothing() -> None:
    made = curve((1, 3.0), (2, math.nan), (3, math.inf), (4, math.nan))
    assert made.points("step", 100)[1] == (2, None, None, None)
    assert made.points("step", 1) == [(4, None, 3.0, 3.0)]


def test_an_axis_that_was_not_logged_has_no_points() -> None:
    assert curve((1, 3.0)).points("tokens", 10) == []


def test_a_part_of_the_axis_is_cut_out() -> None:
    made = curve(*((step, 1.0) for step in range(100)))
    assert [x for x, *_ in made.points("step", 100, 10, 12)] == [10, 11, 12]


def test_an_endless_curve_is_thinned_and_keeps_its_spikes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "MOST_POINTS", 1000)
    made = curve(*((step, {4321: 99.0, 1234: -99.0}.get(step, math.sin(step))) for step in range(10_000)))
    assert len(made.values) <= 1000
    assert (max(made.values), min(made.values)) == (99.0, -99.0)
    assert list(made.steps) == sorted(made.steps)


def test_thousands_of_names_are_not_kept() -> None:
    held = Curves()
    held.add(Row({f"metric {number}": 1.0 for number in range(5000)}, 1))
    assert len(held.by_name) == curves.MOST_CURVES


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("loss", "train_loss"), ("train/loss", "train_loss"), ("loss_step", "train_loss"), ("bpb", "train_loss"),
        ("val_loss", "validation_loss"), ("eval/loss", "validation_loss"), ("val_bpb", "validation_loss"),
        ("validation/epoch_loss", "validation_loss"), ("lr", "learning_rate"), ("lr-AdamW", "learning_rate"),
        ("learning_rate", "learning_rate"), ("train_samples_per_second", "speed"), ("accuracy", "metric"),
        ("interval_lost", "metric"), ("grad_norm", "metric"),
    ],
)  # fmt: skip
def test_a_name_says_what_a_metric_is_about(name: str, kind: str) -> None:
    assert kind_of(name) == kind
