"""The page of trainings over runs on a disk, through the real server: the numbers of the files, as they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import until
from tests.browser.serving import serving
from tests.training.foreign.test_tensorboard import START, event, scalar
from training.events import TrainingEmitter
from training.run_writer import RunWriter


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of Hugging Face's Trainer, one of TensorBoard, and one that left a text log."""
    folder = tmp_path_factory.mktemp("runs")
    history = [{"step": step, "loss": 4.0 - step / 100, "learning_rate": 5e-5} for step in (10, 20, 30)]
    state = {
        "global_step": 30,
        "max_steps": 30,
        "epoch": 1.0,
        "log_history": [*history, {"step": 30, "eval_loss": 3.625}],
    }
    (folder / "trainer").mkdir()
    (folder / "trainer" / "trainer_state.json").write_text(json.dumps(state))
    (folder / "board").mkdir()
    points = [event(step, scalar("Loss/train", 4.0 - step / 8), scalar("lr", 0.5)) for step in range(0, 17, 8)]
    points.insert(2, event(8, scalar("Loss/val", 3.25)))
    (folder / "board" / "events.out.tfevents.1700000000.host.1.0").write_bytes(START + b"".join(points))
    (folder / "plain").mkdir()
    lines = [f"iter {step}: loss {5 - step / 8:.4f}, time 10.00ms, mfu 1.00%" for step in range(0, 17, 4)]
    (folder / "plain" / "train.log").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def server_url(browser: Any, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that looks through the folder."""
    folder = tmp_path_factory.mktemp("server")
    with serving("tests.serve_double", folder, "--runs-directory", str(runs)) as address:
        yield address


@pytest.fixture
def visit(open_page: Callable[..., Any], server_url: str) -> Iterator[Callable[..., Any]]:
    """Open the page at a run."""

    def visit_one(run: str) -> Any:
        page = open_page()
        page.goto(f"{server_url}/training?run={run}")
        expect(page.locator("#run-name")).to_have_text(run)
        return page

    return visit_one


def numbers(page: Any) -> list[str]:
    """The rows of the first chart's table."""
    fold = page.locator(".chart details").first
    fold.locator("summary").click()
    expect(fold.locator("tbody tr").first).to_be_attached()
    return [" ".join(row.locator("th, td").all_text_contents()) for row in fold.locator("tbody tr").all()]


def test_a_run_of_the_trainer_shows_its_numbers(visit: Callable[..., Any]) -> None:
    page = visit("trainer")
    assert numbers(page) == ["step 10 3.9 –", "step 20 3.8 –", "step 30 3.7 3.625"]
    expect(page.locator("#run-facts")).to_contain_text("3.625 at step 30")
    expect(page.locator("#run-controls button:visible")).to_have_count(0)


def test_a_run_of_tensorboard_shows_its_numbers(visit: Callable[..., Any]) -> None:
    page = visit("board")
    assert numbers(page) == ["step 0 4 –", "step 8 3 3.25", "step 16 2 –"]
    expect(page.locator("#run-facts")).to_contain_text("0.5")


def test_a_text_log_shows_its_numbers_and_its_lines(visit: Callable[..., Any]) -> None:
    page = visit("plain")
    assert numbers(page) == ["step 0 5", "step 4 4.5", "step 8 4", "step 12 3.5", "step 16 3"]
    expect(page.locator("#log-place .log-line").last).to_have_text("iter 16: loss 3.0000, time 10.00ms, mfu 1.00%")


def test_a_run_is_seen_while_it_is_written_and_takes_orders(visit: Callable[..., Any], runs: Path) -> None:
    emitter = TrainingEmitter()
    with RunWriter(runs / "live", emitter, config={"lr": 0.5}) as writer:
        control = writer.control("pause", "resume", "stop")
        emitter.emit("training_start", total_steps=10)
        emitter.emit("batch_end", step=1, loss=2.5, lr=0.5)
        page = visit("live")
        expect(page.locator("#run-facts")).to_contain_text("step 1 of 10 · 10%")
        emitter.emit("batch_end", step=2, loss=2.25, lr=0.5)
        expect(page.locator("#run-facts")).to_contain_text("step 2 of 10 · 20%")
        expect(page.locator(".chart-readout").first).to_contain_text("train 2.25")
        page.get_by_role("button", name="Stop").click()
        until(lambda: not control.goes_on(), "the order to stop")
        expect(page.locator("#happenings")).to_contain_text(re.compile("Order.*Stop"))
        emitter.emit("training_end", reason="stopped on request")
    expect(page.locator("#run-state")).to_have_text("finished")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
