"""`python -m tests.browser.catalog_pictures --model-server http://127.0.0.1:5001`: docs/screenshots of two pages.

The checkpoint browser is shown over made-up runs; the playground needs the server of a real model.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.page.checkpoints import CHROMIUM, serving
from engine import CheckpointInfo
from engine.catalog.info import Loss
from tests.browser.conftest import ARGUMENTS
from tests.made_up_checkpoints import CHECKPOINTS

FOLDER = Path(__file__).parent.parent.parent / "docs" / "screenshots"
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
STEPS = range(2000, 20_001, 2000)
PROMPT = "The best way to learn a language is"


def loss_at(step: float) -> float:
    """A loss as training curves go, with a little noise."""
    return 2.9 + 4.5 * math.exp(-step / 4200) + 0.05 * math.sin(step / 37) * math.sin(step / 11)


def runs() -> tuple[CheckpointInfo, ...]:
    """The made-up checkpoints, with more steps in the first run."""
    last = CHECKPOINTS[0]
    steps = [
        replace(
            last,
            id=f"pretrain/step-{step}.pt",
            name=f"step-{step}.pt",
            step=step,
            loss=Loss("validation", loss_at(step)),
        )
        for step in STEPS
    ]
    return (*steps, *CHECKPOINTS[2:])


def picture_checkpoints(page: Any, address: str, file: str, *, with_details: bool) -> None:
    """The browser with a run's timeline open."""
    points = [[step, loss_at(step)] for step in range(0, 20_001, 20)]
    series = {"series": [{"name": "train loss", "kind": "train", "points": points}]}
    page.route("**/api/models/pretrain/*/metrics", lambda route: route.fulfill(json=series))
    page.route(
        "**/api/models/pretrain/step-14000.pt",
        lambda route: route.fulfill(json={**route.fetch().json(), "metrics": True}),
    )
    page.goto(f"{address}/checkpoints")
    row = page.locator(".row.checkpoint").filter(has_text="pretrain/step-14000.pt")
    row.wait_for()
    row.get_by_role("button").click()
    row.get_by_role("button", name="Unload").wait_for()
    if with_details:
        row.click()
        page.locator(".timeline path").nth(0).wait_for()
    page.evaluate("() => scrollTo(0, 0)")
    page.wait_for_timeout(300)
    page.screenshot(path=FOLDER / file)


def picture_playground(page: Any, address: str, file: str) -> None:
    """The playground after a completion, with one token's alternatives."""
    page.goto(f"{address}/playground")
    page.locator("#model option").first.wait_for(state="attached")
    page.locator("#prompt").fill(PROMPT)
    page.locator("#sampling-seed").fill("4")
    page.locator("#generate").click()
    page.locator("#generate[data-does=generate]").wait_for(timeout=120_000)
    page.locator(".token[data-level='3']").nth(1).hover()
    page.locator(".candidate").first.wait_for()
    page.screenshot(path=FOLDER / file)


def main() -> int:
    """Take the pictures; those of the playground only where a model's server is named."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model-server", help="the address of a server that has a real model")
    model_server = parser.parse_args().model_server
    with sync_playwright() as driver, serving(runs()) as address:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        picture_checkpoints(browser.new_page(**DESKTOP), address, "checkpoints.png", with_details=True)
        picture_checkpoints(browser.new_page(**PHONE), address, "checkpoints-phone.png", with_details=False)
        if model_server:
            picture_playground(browser.new_page(**DESKTOP), model_server, "playground.png")
            dark = browser.new_page(**PHONE, color_scheme="dark")
            picture_playground(dark, model_server, "playground-dark-phone.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
