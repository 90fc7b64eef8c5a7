"""Tables, trainer_state.json, wandb's summary, and logs in plain text."""

from __future__ import annotations

import json
import math
import random

import pytest

from training.foreign.tables import CsvReader, JsonLinesReader
from training.foreign.text_log import TextLogReader
from training.foreign.trainer_state import TrainerStateReader
from training.foreign.wandb import WandbSummaryReader, settings_of


def rows(reader, text: str) -> list[tuple]:
    return [(row.step, row.values) for row in reader.feed(text.encode())]


def test_a_sparse_table_of_lightning_is_read() -> None:
    text = "epoch,step,train_loss_step,val_loss\n0,9,2.5,\n0,9,,2.75\n1,19,nan,\n"
    found = rows(CsvReader(), text)
    assert found[:2] == [(9, {"train_loss_step": 2.5}), (9, {"val_loss": 2.75})]
    assert math.isnan(found[2][1]["train_loss_step"])


def test_a_table_without_steps_counts_its_rows() -> None:
    assert rows(CsvReader(), "loss\n3.5\n2.5\n") == [(1, {"loss": 3.5}), (2, {"loss": 2.5})]
    assert rows(CsvReader(), "3.5,1\n") == [(1, {"column 1": 3.5, "column 2": 1.0})]


@pytest.mark.parametrize("bad", ["1,2,3,4,5", '"open', "a\x00b,1", "," * 5000, "\ufeff"])
def test_a_strange_row_does_no_harm(bad: str) -> None:
    assert rows(CsvReader(), f"step,loss\n{bad}\n7,1.5\n")[-1] == (7, {"loss": 1.5})


def test_objects_a_line_are_read_whatever_the_step_is_called() -> None:
    text = '{"current_steps": 5, "total_steps": 10, "loss": 1.5, "lr": 0.1, "percentage": 50.0}\nnonsense\n[]\n'
    reader = JsonLinesReader()
    assert rows(reader, text) == [(5, {"loss": 1.5, "learning_rate": 0.1})]
    assert (reader.facts.total_steps, reader.facts.skipped) == (10, 2)
    assert rows(JsonLinesReader(), '{"iter": 3, "metrics": {"acc": 0.5}}\n') == [(3, {"metrics/acc": 0.5})]


STATE = {
    "epoch": 0.5,
    "global_step": 20,
    "log_history": [
        {"epoch": 0.25, "grad_norm": 1.5, "learning_rate": 5e-5, "loss": 2.5, "step": 10},
        {"epoch": 0.5, "loss": float("nan"), "step": 20},
        {"epoch": 0.5, "eval_loss": 2.25, "eval_runtime": 1.0, "step": 20},
    ],
    "max_steps": 40,
    "num_train_epochs": 1,
    "stateful_callbacks": {"TrainerControl": {"args": {"should_log": False}, "attributes": {}}},
}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_trainers_state_gives_its_rows_and_where_it_goes(indent: int | None) -> None:
    text = json.dumps(STATE, indent=indent)
    for cut in (1, len(text) // 3, len(text) // 2, len(text)):
        reader = TrainerStateReader()
        found = rows(reader, text[:cut]) + rows(reader, text[cut:])
        assert found[0] == (10, {"grad_norm": 1.5, "learning_rate": 5e-5, "loss": 2.5})
        assert math.isnan(found[1][1]["loss"])
        assert found[2] == (20, {"eval_loss": 2.25})
        assert (reader.facts.total_steps, reader.facts.total_epochs, reader.facts.epoch) == (40, 1.0, 0.5)


@pytest.mark.parametrize("text", ["", "{", "[" * 10_000, '{"max_steps": 1e999}', '{"log_history": [{"step": "x"}]}'])
def test_a_broken_state_gives_nothing(text: str) -> None:
    reader = TrainerStateReader()
    assert rows(reader, text) == []
    assert reader.facts.total_steps is None


@pytest.mark.parametrize(
    ("line", "step", "values"),
    [
        ("step 250: train loss 2.1050, val loss 2.2000", 250, {"train_loss": 2.105, "val_loss": 2.2}),
        ("iter 10: loss 3.2500, time 30.51ms, mfu 1.50%", 10, {"loss": 3.25, "mfu": 1.5}),
        ("250 val 6.5000", 250, {"val_loss": 6.5}),
        ("250 hella 0.2500", 250, {"hellaswag_accuracy": 0.25}),
        ("step:125/5000 val_loss:3.25 train_time:1234ms", 125, {"val_loss": 3.25, "train_time": 1234.0}),
        ("Epoch:[2/3](100/400) loss:5.125 lr:0.0005 epoch_Time:12.0min:", 500, {"loss": 5.125, "learning_rate": 5e-4}),
        ("Epoch:[1/2](100/39), loss: nan, lr: 1e-4", 100, {"loss": math.nan, "learning_rate": 1e-4}),
        ("{'loss': 2.5, 'learning_rate': 5e-05, 'epoch': 0.1}", 1, {"loss": 2.5, "learning_rate": 5e-5}),
        ("\x1b[32m2025-01-02 03:04:05 | INFO | Step 7/9 | Train Loss: 1.5\x1b[0m", 7, {"train_Loss": 1.5}),
        ("  5%|5| 5/100\r 10%|1| 10/100\rstep 10: loss 1.5", 10, {"loss": 1.5}),
    ],
)
def test_lines_of_many_tools_are_understood(line: str, step: int, values: dict[str, float]) -> None:
    ((found_step, found),) = rows(TextLogReader(), line + "\n")
    assert found_step == step
    assert found == pytest.approx(values, nan_ok=True)


@pytest.mark.parametrize(
    "line",
    ["", "loading the model", "number of parameters: 10.65M", "found 5 files in 3 folders", "tokens per iteration: 1",
     "step one is to begin", "Traceback (most recent call last):", "https://example.org/step/5"],
)  # fmt: skip
def test_lines_that_are_no_metrics_give_none(line: str) -> None:
    assert rows(TextLogReader(), line + "\n") == []


def test_a_log_that_ends_in_an_error_has_failed_until_it_goes_on() -> None:
    reader = TextLogReader()
    list(
        reader.feed(
            b"step 1: loss 2.0\nTraceback (most recent call last):\ntorch.OutOfMemoryError: CUDA out of memory\n"
        )
    )
    assert reader.facts.failure == "torch.OutOfMemoryError: CUDA out of memory"
    list(reader.feed(b"step 2: loss 2.0\n"))
    assert reader.facts.failure is None


@pytest.mark.parametrize(
    "piece", ["step ", "loss ", "1", "a", "a=", "train ", "[", "0.", "Epoch:[1/", "\x1b[0;", " ", "'x': "]
)
def test_a_hostile_line_takes_no_time_beyond_its_length(piece: str) -> None:
    reader = TextLogReader()
    list(reader.feed((piece * 300_000)[:900_000].encode() + b"\nstep 5: loss 1.0\n"))
    assert reader.facts.step == 5


def test_noise_is_read_without_an_error() -> None:
    for reader in (CsvReader, JsonLinesReader, TextLogReader, TrainerStateReader, WandbSummaryReader):
        for seed in range(10):
            list(reader().feed(random.Random(seed).randbytes(5000)))


def test_the_summary_of_wandb_is_one_row() -> None:
    text = '{"loss": 1.5, "_step": 99, "_timestamp": 1.7e9, "_runtime": 5, "_wandb": {"runtime": 5}, "best": "NaN"}'
    (row,) = WandbSummaryReader().feed(text.encode())
    assert (row.step, row.at, row.values["loss"]) == (99, 1.7e9, 1.5)
    assert settings_of({"lr": {"value": 0.1}, "_wandb": {"value": {}}, "plain": 2}) == {"lr": 0.1, "plain": 2}
