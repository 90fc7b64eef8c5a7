"""What a person does on the page, by the names a person would use."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 60.0  # never waited for where all is well, however slow the machine
WATCH = """([selector, name]) => {
    const seen = [];
    const note = () => {
        const part = [...document.querySelectorAll(selector)].at(-1);
        const now = name === null ? part?.textContent : part?.getAttribute(name);
        if (typeof now === "string" && seen.at(-1) !== now) seen.push(now);
    };
    note();
    new MutationObserver(note).observe(document.body, {
        attributes: true, characterData: true, childList: true, subtree: true,
    });
    return seen;
}"""


def ready(page: Any) -> None:
    """Wait until the chat stands there with what its address names."""
    page.locator("#main[data-ready]").wait_for()


def watch(page: Any, selector: str, attribute: str | None = None) -> Callable[[], list[str]]:
    """Note from now on each text, or value of the attribute, that the last such element has; gives them all so far.

    The page itself notes them, so that nothing is missed, however seldom it is asked.
    """
    seen = page.evaluate_handle(WATCH, [selector, attribute])
    return seen.json_value


def copied(page: Any, click: Callable[[], None]) -> str:
    """What lies on the clipboard after this click."""
    page.evaluate("() => navigator.clipboard.writeText('')")
    click()
    until(lambda: page.evaluate("() => navigator.clipboard.readText()") != "", "the clipboard to be filled")
    return page.evaluate("() => navigator.clipboard.readText()")


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
