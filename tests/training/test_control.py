from __future__ import annotations

import threading
from pathlib import Path

import pytest

from training import control
from training.control import CONTROL_FILE, Control, Order, give_order, read_orders


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SECONDS_BETWEEN_LOOKS", 0.0)


def test_orders_are_obeyed_once_and_acknowledged(tmp_path: Path) -> None:
    told: list[Order] = []
    trainer = Control(tmp_path, told.append)
    assert trainer.goes_on()
    for act in ("save", "sample"):
        give_order(tmp_path, act)
    give_order(tmp_path, "scale_lr", 0.5)
    assert trainer.goes_on()
    assert (trainer.wanted("save"), trainer.wanted("save"), trainer.wanted("sample")) == (True, False, True)
    assert trainer.learning_rate_scale == 0.5
    give_order(tmp_path, "stop")
    assert not trainer.goes_on()
    assert [(order.number, order.act) for order in told] == [(1, "save"), (2, "sample"), (3, "scale_lr"), (4, "stop")]


def test_a_paused_trainer_waits_until_it_is_resumed(tmp_path: Path) -> None:
    resumed = threading.Event()

    def acknowledge(order: Order) -> None:
        if order.act == "pause":
            give_order(tmp_path, "resume")
        else:
            resumed.set()

    trainer = Control(tmp_path, acknowledge)
    give_order(tmp_path, "pause")
    assert trainer.goes_on()
    assert resumed.is_set()
    assert not trainer.is_paused


def test_orders_to_an_earlier_run_are_not_obeyed(tmp_path: Path) -> None:
    give_order(tmp_path, "stop")
    trainer = Control(tmp_path, print)
    give_order(tmp_path, "save")
    assert trainer.goes_on()
    assert trainer.wanted("save")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"orders": 3}', b'{"orders": [{"number": "x", "act": "stop"}]}', b"\xff\xfe",
     b'{"orders": [{"number": 1, "act": "delete everything"}]}', b'{"orders": [{"number": 1, "act": "scale_lr"}]}',
     b"[" * 60_000, b" " * 100_000],
)  # fmt: skip
def test_a_broken_file_holds_no_orders(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CONTROL_FILE).write_bytes(content)
    assert read_orders(tmp_path / CONTROL_FILE) == []
    assert Control(tmp_path, print).goes_on()


@pytest.mark.parametrize(
    "order", [("fly", None), ("stop", 1.0), ("scale_lr", None), ("scale_lr", 0.0), ("scale_lr", 1e9)]
)
def test_an_order_that_cannot_be_is_refused(tmp_path: Path, order: tuple[str, float | None]) -> None:
    with pytest.raises(ValueError, match=r"must be|belongs"):
        give_order(tmp_path, *order)
    assert not (tmp_path / CONTROL_FILE).exists()


def test_the_file_stays_small_however_often_one_orders(tmp_path: Path) -> None:
    for _ in range(60):
        give_order(tmp_path, "save")
    orders = read_orders(tmp_path / CONTROL_FILE)
    assert [order.number for order in orders] == list(range(41, 61))
