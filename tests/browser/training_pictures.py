"""`python -m tests.browser.training_pictures`: docs/screenshots/training.png, over made-up runs."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, chromium
from tests.browser.serving import ROOT, serving
from tests.browser.training_scenes import Scene, job, older, run, talk

PLACE = ROOT / "docs" / "screenshots" / "training.png"


def main() -> int:
    """Take the picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        with serving("tests.serve_double", Path(folder)) as address:
            page = browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme="light")
            scene = Scene([run(), older()], [job("running")])
            scene.chats = [talk(1, 200, "Who sees the red fox?")]
            scene.serve(page)
            page.goto(f"{address}/training?with=older&curve=grad_norm&log=1")
            page.locator(".chart").nth(2).locator(".chart-line").first.wait_for(state="attached")
            page.locator("#machine .meter").first.wait_for()
            page.locator(".chart-chat").first.wait_for(state="attached")
            page.wait_for_timeout(1000)
            page.screenshot(path=PLACE)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
