"""What a person does on the page, by the names a person would use."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 10.0


def ask(page: Any, text: str) -> None:
    """Write a message and send it with Enter."""
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def last_answer(page: Any) -> Any:
    """The text of the latest answer."""
    return page.locator(".answer .answer-text").last


def answered(page: Any) -> None:
    """Wait until nothing is being written."""
    page.locator("#send[data-does=send]").wait_for()


def pick(page: Any, words: str) -> None:
    """Choose the first checkpoint that the filter finds."""
    page.locator("#picker-button").click()
    page.get_by_role("combobox").fill(words)
    page.keyboard.press("Enter")


def act(message: Any, name: str) -> None:
    """Choose something from the menu under a message."""
    message.hover()
    message.locator("[data-act=more]").click()
    message.page.get_by_role("menuitem", name=name).click()


def entry(page: Any, title: str) -> Any:
    """A conversation in the sidebar."""
    return page.locator(".entry").filter(has_text=title)


def entry_act(page: Any, title: str, name: str) -> None:
    """Choose something from the menu of a conversation."""
    entry(page, title).hover()
    entry(page, title).get_by_role("button").click()
    page.get_by_role("menuitem", name=name).click()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that only the server can tell."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
