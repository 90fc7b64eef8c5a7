"""Ready-made listeners for trainers that people use. None of them is imported: they call what looks as they expect.

For a plain loop, nanoGPT's included, `LoopReporter` says in three calls what happened.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.events import TrainingEmitter
from training.foreign.trainer_state import without_means
from training.run_writer import RunWriter

# The orders that these listeners obey; texts are written by nobody but the loop that knows the model.
ACTS = ("pause", "resume", "stop", "save", "scale_lr")


class LoopReporter:
    """A loop such as nanoGPT's: `goes_on()` before each iteration, `iteration` after it, `evaluation` now and then."""

    def __init__(
        self, run_dir: str | os.PathLike[str], *, max_iters: int | None = None,
        config: Mapping[str, Any] | None = None, tokens_per_iter: int | None = None,
    ) -> None:  # fmt: skip
        self._emitter = TrainingEmitter()
        self._writer = RunWriter(run_dir, self._emitter, config=config)
        self._tokens_per_iter = tokens_per_iter
        self.control = self._writer.control(*ACTS)
        self._emitter.emit("training_start", total_steps=max_iters)

    def goes_on(self) -> bool:
        """Wait while the run is paused; False once it is to stop."""
        return self.control.goes_on()

    def iteration(self, iter_num: int, loss: float, lr: float | None = None, **more: Any) -> None:
        """An iteration is done; `loss` as a number, since asking a GPU for it costs the trainer time."""
        if self._tokens_per_iter is not None:
            more["tokens"] = self._tokens_per_iter * (iter_num + 1)
        self._emitter.emit("batch_end", batch_idx=iter_num, step=iter_num, loss=loss, lr=lr, **more)

    def evaluation(self, iter_num: int, losses: Mapping[str, Any]) -> None:
        """Losses by split, as nanoGPT's `estimate_loss` gives them."""
        self._emitter.emit("metric_update", step=iter_num, **{f"{name}_loss": loss for name, loss in losses.items()})

    def saved(self, path: object, iter_num: int) -> None:
        """A checkpoint was written."""
        self._emitter.emit("checkpoint_saved", checkpoint_path=str(path), step=iter_num)

    def close(self, **data: Any) -> None:
        """The loop has come to its end."""
        self._emitter.emit("training_end", **data)
        self._writer.close()


class _Listener:
    """What the trainers' own classes have in common: every hook exists, and most of them do nothing."""

    def __init__(self, run_dir: str | os.PathLike[str] | None) -> None:
        self._run_dir = run_dir
        self._emitter = TrainingEmitter()
        self._writer: RunWriter | None = None
        self._scale = 1.0

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):
            return _nothing
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def _begin(self, run_dir: object, config: Mapping[str, Any]) -> None:
        self._writer = RunWriter(str(self._run_dir or run_dir), self._emitter, config=config)
        self.control = self._writer.control(*ACTS)

    def _end(self, **data: Any) -> None:
        self._emitter.emit("training_end", **data)
        if self._writer is not None:
            self._writer.close()

    def _rescale(self, groups: list[dict[str, Any]], scheduler: Any) -> None:
        """Bring a change of the scale to the optimizer, and to the schedule that would set it back."""
        change, self._scale = self.control.learning_rate_scale / self._scale, self.control.learning_rate_scale
        if change == 1.0:
            return
        for group in groups:
            group["lr"] *= change
        if hasattr(scheduler, "base_lrs"):
            scheduler.base_lrs = [rate * change for rate in scheduler.base_lrs]


class TrainerReporter(_Listener):
    """For Hugging Face's Trainer and TRL's: `Trainer(…, callbacks=[TrainerReporter()])`; writes into `output_dir`."""

    def __init__(self, run_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(run_dir)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The run begins; only the first of several processes tells of it."""
        if state.is_world_process_zero:
            config = args.to_dict() if hasattr(args, "to_dict") else {}
            self._begin(args.output_dir, config)
            total = {"total_steps": state.max_steps, "total_epochs": state.num_train_epochs}
            self._emitter.emit("training_start", **total)

    def on_step_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
        """Obey what was ordered since the last step."""
        if self._writer is None:
            return
        if not self.control.goes_on():
            control.should_training_stop = True
        if self.control.wanted("save"):
            control.should_save = True
        if parts.get("optimizer") is not None:
            self._rescale(parts["optimizer"].param_groups, parts.get("lr_scheduler"))

    # A step that begins in the middle of an epoch does not end the epoch; the end of the step is asked as well.
    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Hold the trainer to an order to stop: it clears its own flag when a step begins."""
        if self._writer is not None and self.control.is_stopped:
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """What the trainer logs."""
        told = without_means(logs or {})
        if self._writer is None:
            return
        tokens = getattr(state, "num_input_tokens_seen", 0) or told.get("num_tokens")
        more = {"step": state.global_step, "epoch": state.epoch, **({"tokens": tokens} if tokens else {})}
        self._emitter.emit("metric_update", **{**told, **more})

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A checkpoint was written."""
        path = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        self._emitter.emit("checkpoint_saved", checkpoint_path=str(path), epoch=state.epoch, step=state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The run is over."""
        self._end(step=state.global_step)


class LightningReporter(_Listener):
    """For Lightning: `Trainer(callbacks=[LightningReporter("runs/mine")])`."""

    state_key = "LightningReporter"

    def __init__(self, run_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(run_dir)
        self._told: dict[str, Any] = {}
        self._hooks: dict[str, str] = {}

    def setup(self, *_: Any, **__: Any) -> None:
        """Nothing is set up before the fit begins."""

    def teardown(self, *_: Any, **__: Any) -> None:
        """Nothing is left behind."""

    def state_dict(self) -> dict[str, Any]:
        """A checkpoint needs to know nothing of its watcher."""
        return {}

    def load_state_dict(self, _: Mapping[str, Any]) -> None:
        """See `state_dict`."""

    def on_fit_start(self, trainer: Any, module: Any) -> None:
        """The run begins; only the first of several processes tells of it."""
        if not trainer.is_global_zero:
            return
        config = dict(getattr(module, "hparams", None) or {})
        self._begin(trainer.default_root_dir, config)

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Only now it is known how many batches there are, and so how many steps."""
        total = {"total_steps": trainer.estimated_stepping_batches, "total_epochs": trainer.max_epochs}
        known = {name: count for name, count in total.items() if count is not None and 0 < count < math.inf}
        self._emitter.emit("training_start", **known)

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        """Obey what was ordered since the last batch."""
        if self._writer is None:
            return
        if not self.control.goes_on():
            trainer.should_stop = True
        groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
        schedulers = getattr(trainer, "lr_scheduler_configs", None) or [None]
        self._rescale(groups, getattr(schedulers[0], "scheduler", None))

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """What was logged for the batch; and a checkpoint, where one was asked for."""
        if self._writer is None:
            return
        where = {"step": trainer.global_step, "epoch": trainer.current_epoch}
        rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
        told = {"lr": rates[0] if rates else None, **self._news(trainer, "batch"), "batch_idx": batch_idx}
        self._emitter.emit("batch_end", **{**told, **where})
        if self.control.wanted("save"):
            path = self._writer.run_dir / f"step-{trainer.global_step}.ckpt"
            trainer.save_checkpoint(path)
            self._emitter.emit("checkpoint_saved", checkpoint_path=str(path), **where)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """The validation's own metrics; a check of two batches beforehand has none that count."""
        if not trainer.sanity_checking:
            self._emitter.emit("metric_update", **{**self._news(trainer, "validation"), "step": trainer.global_step})

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """What was logged for the epoch as a whole."""
        if news := self._news(trainer, "epoch"):
            self._emitter.emit("metric_update", **{**news, "step": trainer.global_step})

    def on_exception(self, trainer: Any, module: Any, error: BaseException) -> None:
        """The run broke."""
        self._emitter.emit("error_occurred", error=f"{type(error).__name__}: {error}", fatal=True)

    def on_fit_end(self, trainer: Any, module: Any) -> None:
        """The run is over."""
        self._end(step=trainer.global_step)

    def _news(self, trainer: Any, hook: str) -> dict[str, float]:
        """The metrics logged since the last time: Lightning shows those of other hooks, and older ones, as well."""
        now = dict(trainer.callback_metrics)
        own = [name for name in now if self._hooks.setdefault(name, hook) == hook]
        news = {name: float(now[name]) for name in own if self._told.get(name) is not now[name]}
        self._told = now
        return news


def _nothing(*_: Any, **__: Any) -> None:
    return None
