"""`python -m tests.browser.screenshots`: the chat in its main states, as pictures in docs/screenshots."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.acts import answered, ready
from tests.browser.conftest import ARGUMENTS, chromium
from tests.browser.serving import ROOT, serving
from tests.page_texts import GUIDES

PLACE = ROOT / "docs" / "screenshots"
START = "/?model=sft/checkpoint-500"
ENGLISH, CHINESE = GUIDES
QUESTIONS = {
    "en": ("What is a checkpoint?", ENGLISH, "Compare the losses of both runs"),
    "zh-CN": ("什么是检查点？", CHINESE, "比较两次训练的损失"),
}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def talk(page: Any, locale: str) -> None:
    """Have some conversations, the one with the most to see last."""
    for question in reversed(QUESTIONS[locale]):
        page.locator("#new-chat").evaluate("(button) => button.click()")
        page.locator("#draft").fill(question)
        page.keyboard.press("Enter")
        answered(page)
    page.locator(".entry").filter(has_text=QUESTIONS[locale][1]).locator("a").evaluate("(link) => link.click()")
    page.locator(".code-block").first.wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # until the gauge has been measured


def take(browser: Any, address: str, name: str, locale: str = "en", opened: str | None = None, **options: Any) -> None:
    """One picture, with something opened where it is named."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": locale, **options})
    page = context.new_page()
    page.goto(address + START)
    ready(page)
    talk(page, locale)
    if opened:
        page.locator(opened).click()
        page.wait_for_timeout(500)
    page.screenshot(path=PLACE / f"{name}.png")
    context.close()


def main() -> int:
    """Take all of them."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        pictures: dict[str, dict[str, Any]] = {
            "chat": {"color_scheme": "light"},
            "chat-dark": {"color_scheme": "dark"},
            "chat-phone": PHONE,
            "chat-chinese": {"locale": "zh-CN"},
            "chat-picker": {"opened": "#picker-button"},
            "chat-parameters": {"opened": "#parameters-button"},
        }
        for name, options in pictures.items():
            place = Path(folder) / name
            place.mkdir()
            with serving("tests.serve_double", place, "--token-seconds", "0.005", "--load-seconds", "0.1") as address:
                take(browser, address, name, **options)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
