"""Orders to a running trainer, through a small file in its run's folder that it looks at between two batches.

The file holds the last orders, each with a number that grows. The trainer acknowledges each one as an event.
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CONTROL_FILE = "control.json"
ACTS = ("pause", "resume", "stop", "save", "sample", "scale_lr")
SMALLEST_SCALE, LARGEST_SCALE = 1e-3, 1e3
SECONDS_BETWEEN_LOOKS = 0.2
MOST_ORDERS = 20
LARGEST_FILE = 64 * 1024
_log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Order:
    """One order: what to do, and by which factor where that is `scale_lr`. `at` is Unix time."""

    number: int
    act: str
    value: float | None = None
    at: float = 0.0


def give_order(run_dir: Path, act: str, value: float | None = None) -> Order:
    """Write an order down for the trainer. Raises ValueError for one that cannot be, OSError where the disk refuses."""
    if act not in ACTS:
        raise ValueError(f"act must be one of {', '.join(ACTS)}, not {act!r}")
    if (act == "scale_lr") != (value is not None):
        raise ValueError("value belongs to scale_lr, and to it only")
    if value is not None and not SMALLEST_SCALE <= value <= LARGEST_SCALE:
        raise ValueError(f"value must be a factor between {SMALLEST_SCALE} and {LARGEST_SCALE}, not {value}")
    path = run_dir / CONTROL_FILE
    with _one_at_a_time, _locked(path.with_name(f".{CONTROL_FILE}.lock")):
        before = read_orders(path)
        order = Order(1 + max((one.number for one in before), default=0), act, value, time.time())
        told = {"orders": [asdict(one) for one in (*before, order)][-MOST_ORDERS:]}
        partial = path.with_name(f".{CONTROL_FILE}.new")
        partial.write_text(json.dumps(told), encoding="utf-8")
        partial.replace(path)
    return order


def read_orders(path: Path) -> list[Order]:
    """The orders in a control file, by number. A file that is missing or broken holds none."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            return []
        found = json.loads(path.read_text(encoding="utf-8"))
        orders = [_order(one) for one in found["orders"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if not isinstance(error, FileNotFoundError):
            _log.warning("%s cannot be read and is passed over: %s", path, error)
        return []
    return sorted(orders, key=lambda order: order.number)


class Control:
    """The trainer's side. `learning_rate_scale` is what to multiply the schedule's rate by.

    `acknowledge` is called with each order as it is obeyed. Nothing here raises: a trainer must not die of its watcher.
    """

    def __init__(self, run_dir: Path, acknowledge: Callable[[Order], object]) -> None:
        self._path = run_dir / CONTROL_FILE
        self._acknowledge = acknowledge
        self._seen: tuple[int, int] | None = self._stamp()
        # Orders to a run that was here before are none of this one's.
        self._last = max((order.number for order in read_orders(self._path)), default=0)
        self._looked_at = -math.inf
        self._wanted: set[str] = set()
        self.learning_rate_scale = 1.0
        self.is_paused = False
        self.is_stopped = False

    def goes_on(self) -> bool:
        """To be asked before each batch: waits while the run is paused, and is False once it is to stop.

        An order to save or to sample lets one batch through a pause, since the loop obeys it there.
        """
        self._look()
        while self.is_paused and not self.is_stopped and not self._wanted:
            time.sleep(SECONDS_BETWEEN_LOOKS / 2)
            self._look()
        return not self.is_stopped

    def wanted(self, act: str) -> bool:
        """Whether "save" or "sample" was asked for since the last time; asking takes the order away."""
        is_wanted = act in self._wanted
        self._wanted.discard(act)
        return is_wanted

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < SECONDS_BETWEEN_LOOKS / 2:
            return
        self._looked_at = now
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return
        self._seen = stamp
        for order in read_orders(self._path):
            if order.number > self._last:
                self._last = order.number
                self._obey(order)
                self._acknowledge(order)

    def _obey(self, order: Order) -> None:
        if order.act == "pause":
            self.is_paused = True
        elif order.act == "resume":
            self.is_paused = False
        elif order.act == "stop":
            self.is_stopped = True
        elif order.act == "scale_lr":
            self.learning_rate_scale *= order.value or 1.0
        else:
            self._wanted.add(order.act)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One server after the other, where the system has such locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):
            os.close(handle)


def _order(told: dict[str, Any]) -> Order:
    number, act, value, at = told["number"], told["act"], told.get("value"), told.get("at", 0.0)
    is_sound = isinstance(number, int) and act in ACTS and isinstance(value, (int, float, type(None)))
    if not is_sound or (act == "scale_lr" and not (value and SMALLEST_SCALE <= value <= LARGEST_SCALE)):
        raise ValueError(f"{told!r:.100} is no order")
    return Order(number, act, value, float(at))
