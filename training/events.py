"""What happens in a training run, told to whoever listens. Standard library only; a listener never harms the trainer.

A callback gets an `Event`: a dict of what was told, with the event's `name` and the time `at` (Unix seconds).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

TRAINING_EVENTS = (
    "training_start", "training_end", "epoch_start", "epoch_end", "batch_start", "batch_end", "checkpoint_saved",
    "checkpoint_loaded", "metric_update", "error_occurred",
)  # fmt: skip
EVERY_EVENT = "*"
HISTORY = 1000
MOST_NAMES = 200
_STATE_OF = {
    "epoch": "current_epoch", "batch_idx": "current_batch", "loss": "current_loss", "lr": "learning_rate",
    "learning_rate": "learning_rate", "total_epochs": "total_epochs", "total_batches": "total_batches",
    "total_steps": "total_steps", "step": "step", "checkpoint_path": "last_checkpoint", "error": "last_error",
}  # fmt: skip
_log = logging.getLogger(__name__)


class Event(dict[str, Any]):
    """What was told with one event, under its own names."""

    __slots__ = ("at", "name")

    def __init__(self, name: str, at: float, data: dict[str, Any]) -> None:
        super().__init__(data)
        self.name = name
        self.at = at

    @property
    def data(self) -> dict[str, Any]:
        """The event itself, for those who look for its data by that name."""
        return self


Callback = Callable[[Event], object]


class TrainingEmitter:
    """Passes events on to callbacks, in the thread that emits, and remembers the last ones of each name."""

    def __init__(self, history: int = HISTORY) -> None:
        self._limit = history
        self._callbacks: dict[str, tuple[Callback, ...]] = {}
        self._history: dict[str, deque[Event]] = {}
        self._failed: set[int] = set()
        self._lock = threading.Lock()

    def on(self, name: str, callback: Callback) -> Callback:
        """Call back for each event of that name, or for every event where the name is "*"."""
        with self._lock:
            self._callbacks[name] = (*self._callbacks.get(name, ()), callback)
        return callback

    def off(self, name: str, callback: Callback) -> None:
        """Call back no longer; one that is not there is no mistake."""
        with self._lock:
            left = tuple(one for one in self._callbacks.get(name, ()) if one != callback)
            self._callbacks[name] = left

    def emit(self, name: str, /, **data: Any) -> None:
        """Tell everybody. Whatever a callback does wrong is logged, and the others are told all the same."""
        event = Event(name, time.time(), data)
        with self._lock:
            kept = self._history.get(name)
            if kept is None and len(self._history) < MOST_NAMES:
                kept = self._history[name] = deque(maxlen=self._limit)
            if kept is not None:
                kept.append(event)
            callbacks = self._callbacks.get(name, ()) + self._callbacks.get(EVERY_EVENT, ())
        for callback in callbacks:
            try:
                callback(event)
            except Exception as error:
                self._complain(name, callback, error)

    def get_history(self, name: str | None = None, limit: int | None = None) -> list[Event]:
        """The last events of that name, or of all names, the oldest first; at most `limit` of them."""
        with self._lock:
            if name is not None:
                found = list(self._history.get(name, ()))
            else:
                found = sorted((event for kept in self._history.values() for event in kept), key=lambda one: one.at)
        return found if limit is None else found[max(0, len(found) - limit) :]

    def _complain(self, name: str, callback: Callback, error: Exception) -> None:
        """The whole story once for each callback: one that fails at every batch must not fill the log."""
        if id(callback) in self._failed:
            _log.debug("the callback %r failed again at %s: %s", callback, name, error)
            return
        self._failed.add(id(callback))
        _log.warning("the callback %r failed at %s; training goes on", callback, name, exc_info=error)


training_emitter = TrainingEmitter()


def emit_training_start(total_epochs: int | None = None, **data: Any) -> None:
    """Training begins. Worth telling as well: total_steps, config, parameters."""
    training_emitter.emit("training_start", total_epochs=total_epochs, **data)


def emit_training_end(**data: Any) -> None:
    """Training is over; `reason` may say why."""
    training_emitter.emit("training_end", **data)


def emit_epoch_start(epoch: float, **data: Any) -> None:
    """An epoch begins."""
    training_emitter.emit("epoch_start", epoch=epoch, **data)


def emit_epoch_end(epoch: float, **data: Any) -> None:
    """An epoch is over; its losses and other metrics go along."""
    training_emitter.emit("epoch_end", epoch=epoch, **data)


def emit_batch_start(batch_idx: int, **data: Any) -> None:
    """A batch begins."""
    training_emitter.emit("batch_start", batch_idx=batch_idx, **data)


def emit_batch_end(batch_idx: int, loss: float | None = None, lr: float | None = None, **data: Any) -> None:
    """A batch is done. `step` counts over all epochs, `tokens` over the whole run."""
    training_emitter.emit("batch_end", batch_idx=batch_idx, loss=loss, lr=lr, **data)


def emit_checkpoint_saved(
    checkpoint_path: object, epoch: float | None = None, step: int | None = None, **data: Any
) -> None:
    """A checkpoint lies on the disk, whole."""
    training_emitter.emit("checkpoint_saved", checkpoint_path=str(checkpoint_path), epoch=epoch, step=step, **data)


def emit_checkpoint_loaded(checkpoint_path: object, **data: Any) -> None:
    """Training goes on from a checkpoint."""
    training_emitter.emit("checkpoint_loaded", checkpoint_path=str(checkpoint_path), **data)


def emit_metric_update(**metrics: Any) -> None:
    """Values to be drawn, such as val_loss=2.1, with their `step`."""
    training_emitter.emit("metric_update", **metrics)


def emit_error_occurred(error: object, **data: Any) -> None:
    """Something went wrong in the run."""
    told = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
    training_emitter.emit("error_occurred", error=told, **data)


class WebUIHooks:
    """The state of the run that an emitter tells of, for whoever shows it within the same process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._emitter: TrainingEmitter | None = None
        self._state: dict[str, Any] = dict.fromkeys(_STATE_OF.values())
        self._state.update(is_training=False, started_at=None, updated_at=None, metrics={})

    def attach(self, emitter: TrainingEmitter = training_emitter) -> WebUIHooks:
        """Follow this emitter, and no other one any more."""
        self.detach()
        self._emitter = emitter
        emitter.on(EVERY_EVENT, self._hear)
        return self

    def detach(self) -> None:
        """Follow nobody."""
        if self._emitter is not None:
            self._emitter.off(EVERY_EVENT, self._hear)
            self._emitter = None

    def get_current_state(self) -> dict[str, Any]:
        """Epoch, batch, loss, learning rate and the rest as they were told last; None for what was not."""
        with self._lock:
            return {**self._state, "metrics": dict(self._state["metrics"])}

    def _hear(self, event: Event) -> None:
        with self._lock:
            state = self._state
            state["updated_at"] = event.at
            if event.name == "training_start":
                state.update(is_training=True, started_at=event.at, last_error=None)
            elif event.name == "training_end":
                state["is_training"] = False
            elif event.name == "metric_update":
                state["metrics"].update(event)
            for name, value in event.items():
                if name in _STATE_OF and value is not None:
                    state[_STATE_OF[name]] = value
