"""Jobs on the page of trainings: progress, log, calling off, what went wrong, and the demo run with its empty page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import until
from tests.browser.axe import found_by_axe
from tests.browser.training_scenes import Scene, job, older, run


@pytest.fixture
def scene() -> Scene:
    """No run and no job yet."""
    return Scene([])


@pytest.fixture
def training(open_page: Callable[..., Any], server_url: str, scene: Scene) -> Any:
    """The page of trainings over the scene."""
    page = open_page()
    scene.serve(page)
    page.goto(f"{server_url}/training")
    page.locator("#empty:not([hidden])").wait_for()
    return page


def test_an_empty_page_tells_what_a_script_needs(training: Any) -> None:
    expect(training.locator("#empty code")).to_contain_text("LoopReporter")
    assert found_by_axe(training) == []


def test_the_demo_is_started_and_its_run_is_opened_when_it_comes(training: Any, scene: Scene) -> None:
    scene.runs = [older()]
    form = training.locator("#start-demo-side")
    form.get_by_label("Steps").fill("500")
    form.get_by_role("button", name="Start the demo run").click()
    until(lambda: scene.orders != [], "the job")
    assert scene.orders == [{"jobs": "", "kind": "train-demo", "parameters": {"steps": 500}}]
    scene.jobs = [job("running")]
    expect(training.locator(".job-row")).to_contain_text("at work · 40%")
    expect(training.locator(".job-row")).to_contain_text("step 200 · 200 of 500")
    scene.runs = [older(), run()]
    expect(training.locator("#run-name")).to_have_text("demo")


def test_a_job_shows_its_log_and_is_called_off(training: Any, scene: Scene) -> None:
    scene.jobs = [job("running")]
    row = training.locator(".job-row")
    row.locator("summary").click()
    expect(row.locator(".log-line[data-level=error]")).to_have_text("Traceback (most recent call last)")
    row.get_by_role("button", name="Cancel: Demo training · demo").click()
    until(lambda: scene.orders != [], "the order")
    assert scene.orders == [{"jobs": "/j1/cancel"}]
    scene.jobs = [job("cancelled", ended_at=5.0)]
    expect(row.locator(".job-state")).to_have_text("cancelled")
    expect(row.get_by_role("button", name="Cancel")).to_be_hidden()


def test_a_job_that_failed_says_why(training: Any, scene: Scene) -> None:
    error = {
        "code": "job_failed",
        "message": "it ended with exit code 1.",
        "hint": "See its log.",
        "last_lines": ["ValueError: x"],
    }
    scene.jobs = [job("failed", error=error, ended_at=5.0)]
    box = training.locator(".job-error")
    expect(box).to_contain_text("It ended with exit code 1. See its log.")
    expect(box.locator("pre")).to_have_text("ValueError: x")


def test_a_job_without_progress_shows_that_it_works(training: Any, scene: Scene) -> None:
    scene.jobs = [job("running", progress=None, current=None, total=None, message=None, stage="starting")]
    bar = training.locator(".job-row progress")
    expect(bar).to_be_visible()
    assert bar.evaluate("bar => bar.position") == -1
    expect(training.locator(".job-row")).to_contain_text("starting")
