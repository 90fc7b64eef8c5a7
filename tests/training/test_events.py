from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from training import events
from training.events import TrainingEmitter, WebUIHooks, training_emitter


@pytest.fixture
def emitter() -> TrainingEmitter:
    return TrainingEmitter(history=5)


@pytest.fixture
def hooks() -> Iterator[WebUIHooks]:
    following = WebUIHooks().attach(training_emitter)
    yield following
    following.detach()


def test_a_callback_hears_its_event_and_no_other(emitter: TrainingEmitter) -> None:
    heard = []
    emitter.on("batch_end", heard.append)
    emitter.emit("batch_end", loss=2.0)
    emitter.emit("epoch_end", epoch=1)
    assert heard == [{"loss": 2.0}]
    assert heard[0].name == "batch_end"
    assert heard[0].at > 0


def test_a_callback_that_was_taken_off_hears_nothing(emitter: TrainingEmitter) -> None:
    heard = []
    emitter.on("batch_end", heard.append)
    emitter.off("batch_end", heard.append)
    emitter.off("batch_end", print)
    emitter.emit("batch_end")
    assert heard == []


def test_data_may_have_any_name(emitter: TrainingEmitter) -> None:
    emitter.emit("metric_update", name="accuracy", self=1)
    assert emitter.get_history("metric_update") == [{"name": "accuracy", "self": 1}]


def test_the_history_keeps_the_last_ones_of_each_name(emitter: TrainingEmitter) -> None:
    for number in range(20):
        emitter.emit("batch_end", batch_idx=number)
    emitter.emit("epoch_end", epoch=0)
    assert [event["batch_idx"] for event in emitter.get_history("batch_end")] == [15, 16, 17, 18, 19]
    assert [event["batch_idx"] for event in emitter.get_history("batch_end", limit=2)] == [18, 19]
    assert emitter.get_history("batch_end", limit=0) == []
    assert emitter.get_history(limit=1) == [{"epoch": 0}]
    assert emitter.get_history("epoch_start") == []


def test_made_up_names_do_not_grow_the_history_for_ever(emitter: TrainingEmitter) -> None:
    for number in range(1000):
        emitter.emit(f"event {number}")
    assert len(emitter.get_history()) == events.MOST_NAMES


def test_a_callback_that_fails_is_logged_once_and_the_others_are_called(
    emitter: TrainingEmitter, caplog: pytest.LogCaptureFixture
) -> None:
    heard = []

    def failing(event: object) -> None:
        raise RuntimeError("the tracker is away")

    emitter.on("batch_end", failing)
    emitter.on("batch_end", heard.append)
    with caplog.at_level(logging.WARNING):
        emitter.emit("batch_end", loss=1)
        emitter.emit("batch_end", loss=2)
    assert heard == [{"loss": 1}, {"loss": 2}]
    assert len(caplog.records) == 1


def test_events_from_many_threads_all_arrive() -> None:
    emitter, heard = TrainingEmitter(history=10_000), []
    emitter.on("batch_end", heard.append)
    threads = [
        threading.Thread(target=lambda: [emitter.emit("batch_end", batch_idx=i) for i in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == len(emitter.get_history("batch_end")) == 2000


def test_the_hooks_know_where_training_is(hooks: WebUIHooks) -> None:
    assert hooks.get_current_state()["is_training"] is False
    events.emit_training_start(total_epochs=3)
    events.emit_epoch_start(1)
    events.emit_batch_start(7)
    events.emit_batch_end(batch_idx=7, loss=2.5, lr=3e-4)
    events.emit_metric_update(val_loss=2.6)
    events.emit_checkpoint_saved(checkpoint_path="out/ckpt.pt", epoch=1, step=7)
    state = hooks.get_current_state()
    told = {"total_epochs": 3, "current_epoch": 1, "current_batch": 7, "current_loss": 2.5, "learning_rate": 3e-4}
    assert told.items() <= state.items()
    assert state["is_training"] is True
    assert state["metrics"] == {"val_loss": 2.6}
    assert state["last_checkpoint"] == "out/ckpt.pt"
    events.emit_error_occurred(ValueError("loss is NaN"))
    events.emit_epoch_end(1)
    events.emit_checkpoint_loaded("out/ckpt.pt")
    events.emit_training_end()
    state = hooks.get_current_state()
    assert (state["is_training"], state["last_error"]) == (False, "ValueError: loss is NaN")


def test_a_training_script_needs_the_standard_library_only() -> None:
    code = (
        "import sys, json; before = set(sys.modules); import training.run_writer, training.callbacks;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names);"
        "print(json.dumps(sorted(name for name in new if not name.startswith('_'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == ["training"]
