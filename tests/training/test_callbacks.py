"""The listeners, called as the trainers that they are made for call them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace as Thing

import pytest

from training import control
from training.callbacks import LightningReporter, LoopReporter, TrainerReporter
from training.control import give_order
from training.runs import Runs


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SECONDS_BETWEEN_LOOKS", 0.0)


def names(folder: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_loop_such_as_nanogpts_is_told_of_and_stopped(tmp_path: Path) -> None:
    run = LoopReporter(tmp_path / "a", max_iters=10, config={"n_layer": 2}, tokens_per_iter=64)
    for iter_num in range(10):
        if not run.goes_on():
            break
        run.iteration(iter_num, loss=2.0, lr=0.1)
        if iter_num == 4:
            run.evaluation(iter_num, {"train": 2.0, "val": 2.5})
            run.saved("out/ckpt.pt", iter_num)
            give_order(tmp_path / "a", "stop")
    run.close()
    told = Runs(tmp_path).one("a")
    assert (told.step, told.total_steps, told.state) == (4, 10, "finished")
    assert (told.losses.train, told.losses.validation) == (2.0, 2.5)


def trainer_parts(folder: Path) -> tuple[Thing, Thing, Thing]:
    args = Thing(output_dir=str(folder), to_dict=lambda: {"learning_rate": 0.1})
    state = Thing(is_world_process_zero=True, max_steps=10, num_train_epochs=1, global_step=0, epoch=0.0)
    return args, state, Thing(should_training_stop=False, should_save=False)


def test_hugging_faces_trainer_is_told_of_and_steered(tmp_path: Path) -> None:
    reporter, (args, state, flags) = TrainerReporter(), trainer_parts(tmp_path / "a")
    optimizer, scheduler = Thing(param_groups=[{"lr": 0.1}]), Thing(base_lrs=[0.1])
    reporter.on_init_end(args, state, flags)
    reporter.on_train_begin(args, state, flags)
    for order in (("save", None), ("scale_lr", 0.5), ("stop", None)):
        give_order(tmp_path / "a", *order)
    state.global_step, state.epoch = 5, 0.5
    reporter.on_step_begin(args, state, flags, optimizer=optimizer, lr_scheduler=scheduler)
    flags.should_training_stop = False
    reporter.on_step_end(args, state, flags)
    reporter.on_log(args, state, flags, logs={"loss": 2.0, "learning_rate": 0.05})
    reporter.on_log(args, state, flags, logs={"train_loss": 3.0, "total_flos": 1e9})
    reporter.on_save(args, state, flags)
    reporter.on_train_end(args, state, flags)
    assert (flags.should_save, flags.should_training_stop) == (True, True)
    assert (optimizer.param_groups, scheduler.base_lrs) == ([{"lr": 0.05}], [0.05])
    told = Runs(tmp_path).one("a")
    assert (told.step, told.total_steps, told.losses.train, told.state) == (5, 10, 2.0, "finished")
    assert "train_loss" not in [metric.name for metric in told.metrics]


def test_only_the_first_of_several_processes_writes(tmp_path: Path) -> None:
    reporter, (args, state, flags) = TrainerReporter(), trainer_parts(tmp_path / "a")
    state.is_world_process_zero = False
    reporter.on_train_begin(args, state, flags)
    reporter.on_step_begin(args, state, flags, optimizer=None)
    reporter.on_log(args, state, flags, logs={"loss": 2.0})
    reporter.on_train_end(args, state, flags)
    assert not (tmp_path / "a").exists()


def lightning_parts(folder: Path, saved: list[Path]) -> tuple[Thing, Thing]:
    trainer = Thing(
        is_global_zero=True, estimated_stepping_batches=10, max_epochs=-1, default_root_dir=str(folder),
        should_stop=False, sanity_checking=False, callback_metrics={"train_loss": 2.0}, global_step=3,
        current_epoch=0, save_checkpoint=saved.append, optimizers=[Thing(param_groups=[{"lr": 0.5}])],
        lr_scheduler_configs=[],
    )  # fmt: skip
    return trainer, Thing(hparams={"width": 8})


def test_lightning_is_told_of_and_steered(tmp_path: Path) -> None:
    reporter, saved = LightningReporter(tmp_path / "a"), []
    trainer, module = lightning_parts(tmp_path, saved)
    reporter.on_fit_start(trainer, module)
    reporter.on_train_start(trainer, module)
    give_order(tmp_path / "a", "save")
    give_order(tmp_path / "a", "stop")
    reporter.on_train_batch_start(trainer, module, None, 2)
    reporter.on_train_batch_end(trainer, module, None, None, 2)
    reporter.on_sanity_check_start(trainer, module)
    reporter.on_exception(trainer, module, RuntimeError("no memory"))
    reporter.on_fit_end(trainer, module)
    assert (trainer.should_stop, saved) == (True, [tmp_path / "a" / "step-3.ckpt"])
    assert names(tmp_path / "a")[-1] == "training_end"
    told = Runs(tmp_path).one("a")
    assert (told.total_steps, told.learning_rate) == (10, 0.5)


def test_of_what_lightning_shows_only_what_is_new_is_told(tmp_path: Path) -> None:
    reporter = LightningReporter(tmp_path / "a")
    trainer, module = lightning_parts(tmp_path, [])
    reporter.on_fit_start(trainer, module)
    trainer.sanity_checking, shown = True, trainer.callback_metrics
    shown["val_loss"] = 9.0
    reporter.on_validation_end(trainer, module)
    trainer.sanity_checking = False
    del shown["val_loss"]
    reporter.on_train_batch_end(trainer, module, None, None, 0)
    shown["train_loss"], shown["val_loss"] = float("1.5"), 2.5
    reporter.on_validation_end(trainer, module)
    shown["loss_of_epoch"] = 1.75
    reporter.on_train_epoch_end(trainer, module)
    trainer.global_step, shown["train_loss"], shown["loss_of_epoch"] = 4, 1.25, float("1.75")
    reporter.on_train_batch_end(trainer, module, None, None, 1)
    lines = [json.loads(line) for line in (tmp_path / "a" / "events.jsonl").read_text().splitlines()]
    seen = [{name: value for name, value in line.items() if "loss" in name} for line in lines[2:]]
    assert seen == [{"train_loss": 2.0}, {"val_loss": 2.5}, {"loss_of_epoch": 1.75}, {"train_loss": 1.25}]


def test_what_is_no_hook_is_missing() -> None:
    with pytest.raises(AttributeError):
        _ = TrainerReporter().colour
