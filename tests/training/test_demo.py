"""The demo run from its start to its end, steered from outside as the page does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, EngineOptions
from engine.request import GenerationRequest
from training import runs
from training.runs import Checkpoint, NotSteerable, Runs

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(runs, "SECONDS_BETWEEN_SEARCHES", 0.0)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    (tmp_path / "checkpoints").mkdir()
    options = EngineOptions(checkpoints=tmp_path / "checkpoints", host="thread", precision="float32")
    engine = Engine(options)
    yield engine
    engine.close()


@pytest.fixture
def demo(tmp_path: Path, engine: Engine) -> Iterator[subprocess.Popen[bytes]]:
    words = ["--out", "checkpoints/demo", "--run", "runs/demo", "--steps", "100000", "--every", "20"]
    child = subprocess.Popen(
        [sys.executable, "-m", "training.demo", *words, "--rows", "2", "--width", "16"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    yield child
    child.kill()
    child.wait()


def until(claim: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := claim()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
    return found


def test_the_demo_is_watched_paused_resumed_stopped_and_talked_to(
    demo: subprocess.Popen[bytes], engine: Engine, tmp_path: Path
) -> None:
    def checkpoints() -> list[Checkpoint]:
        found = engine.checkpoints(rescan=True).checkpoints
        return [Checkpoint(one.id, one.path, one.step, one.size_bytes, one.modified_at) for one in found]

    house = Runs(tmp_path / "checkpoints", tmp_path / "runs", checkpoints=checkpoints)

    def state() -> str | None:
        return next((run.state for run in house.all()), None)

    until(lambda: state() == "running" and house.one("demo").checkpoints)
    house.order("demo", "pause", None)
    until(lambda: state() == "paused")
    paused_at = house.one("demo").step
    with pytest.raises(NotSteerable):
        house.order("demo", "pause", None)
    request = GenerationRequest(model="demo/step-000020.pt", prompt="the ", sampling={"max_new_tokens": 5, "seed": 1})
    assert engine.submit(request).result().usage.completion_tokens == 5
    assert house.one("demo").step == paused_at
    house.order("demo", "scale_lr", 0.5)
    house.order("demo", "resume", None)
    until(lambda: (house.one("demo").step or 0) > (paused_at or 0) + 5)
    house.order("demo", "stop", None)
    assert demo.wait(PATIENCE_SECONDS) == 0
    over = house.one("demo")
    assert (over.state, over.controls) == ("finished", ())
    drawn, marks, is_whole = house.series("demo", ["loss", "val_loss"], "step", 100_000)
    lines = [json.loads(line) for line in (tmp_path / "runs" / "demo" / "events.jsonl").read_text().splitlines()]
    written = [line["loss"] for line in lines if line["event"] == "batch_end"]
    assert [value for _, value, _, _ in drawn[0].points] == written
    acts = [mark.text for mark in marks if mark.kind == "control"]
    assert (acts, is_whole) == (["pause", "scale_lr 0.5", "resume", "stop"], True)
