"""The listener within a real fit of Lightning, where that is installed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from training import control
from training.callbacks import LightningReporter
from training.control import give_order

lightning = pytest.importorskip("lightning", reason="Lightning is not installed: pip install --no-deps lightning")
pytestmark = pytest.mark.filterwarnings("default")


def fit(folder: Path) -> Any:
    """Train one layer for up to three epochs of eight batches, with orders on the way; the trainer after it."""
    import torch

    class Net(lightning.LightningModule):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = torch.nn.Linear(width, 1)

        def training_step(self, batch: torch.Tensor, number: int) -> torch.Tensor:
            loss = self.net(batch).pow(2).mean()
            self.log("train_loss", loss)
            orders = {2: ("scale_lr", 0.5), 4: ("save", None), 12: ("stop", None)}
            if (step := self.global_step) in orders:
                give_order(folder / "run", *orders[step])
            return loss

        def validation_step(self, batch: torch.Tensor, number: int) -> None:
            self.log("val_loss", self.net(batch).pow(2).mean())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    rows = torch.utils.data.DataLoader(torch.randn(16, 4), batch_size=2)
    trainer = lightning.Trainer(
        max_epochs=3, callbacks=[LightningReporter(folder / "run")], default_root_dir=folder, accelerator="cpu",
        logger=lightning.pytorch.loggers.CSVLogger(folder), log_every_n_steps=1, enable_progress_bar=False,
        enable_checkpointing=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Net(4), rows, rows)
    return trainer


def test_a_real_fit_is_told_of_as_lightnings_own_log_has_it_and_obeys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "SECONDS_BETWEEN_LOOKS", 0.0)
    trainer = fit(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    (table,) = tmp_path.rglob("metrics.csv")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    for name in ("train_loss", "val_loss"):
        # Lightning counts the steps from zero in its log.
        logged = [(1 + int(row["step"]), pytest.approx(float(row[name]))) for row in rows if row[name]]
        assert [(line["step"], line[name]) for line in lines if name in line] == logged
    assert [line["act"] for line in lines if line["event"] == "control"] == ["scale_lr", "save", "stop"]
    (begin,) = [line for line in lines if line["event"] == "training_start"]
    (saved,) = [line for line in lines if line["event"] == "checkpoint_saved"]
    assert (begin["total_steps"], begin["total_epochs"]) == (24, 3)
    assert Path(saved["checkpoint_path"]).is_file()
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05)
    assert (trainer.global_step, lines[-1]["event"]) == (14, "training_end")
