"""Ctrl+K: everything by a few letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.acts import answered, ask, last_answer


def summon(page: Any, words: str) -> Any:
    """Open the palette and write; gives its options."""
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Go to or do").fill(words)
    return page.get_by_role("dialog", name="Go to or do").get_by_role("option")


def test_a_model_is_switched_by_a_few_letters(page: Any) -> None:
    expect(summon(page, "grpo").first).to_contain_text("step-120")
    page.keyboard.press("Enter")
    expect(page.locator("#picker-name")).to_have_text("step-120")
    expect(page.get_by_role("dialog", name="Go to or do")).to_be_hidden()


def test_a_conversation_is_opened_by_a_word_that_was_said_in_it(page: Any) -> None:
    ask(page, "About nothing")
    answered(page)
    page.get_by_role("button", name="New chat").click()
    found = summon(page, "photograph")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("About nothing")
    page.keyboard.press("Enter")
    expect(last_answer(page)).to_contain_text("photograph")


def test_the_theme_the_language_and_other_pages_are_reached(page: Any) -> None:
    summon(page, "dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    summon(page, "русский")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "ru")


def test_arrows_walk_and_escape_leaves(page: Any) -> None:
    options = summon(page, "")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Go to or do")).to_be_hidden()
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_what_is_nowhere_is_said_to_be_nowhere(page: Any) -> None:
    expect(summon(page, "zzzz")).to_have_count(0)
    expect(page.get_by_text("Nothing like that.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Go to or do")).to_be_visible()


def test_escape_in_the_palette_does_not_stop_an_answer(open_page: Callable[..., Any]) -> None:
    page = open_page("/?model=sft/checkpoint-500")
    ask(page, "/long story")
    expect(last_answer(page)).to_contain_text("photograph")
    summon(page, "")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Go to or do")).to_be_hidden()
    expect(page.locator("#send")).to_have_attribute("data-does", "stop")
    page.keyboard.press("Escape")
    answered(page)


def test_before_a_letter_is_written_pages_and_what_was_said_last_stand_before_the_models(chat: Any) -> None:
    ask(chat, "About the sea")
    answered(chat)
    expect(chat.locator(".entry").filter(has_text="About the sea")).to_be_visible()
    options = summon(chat, "")
    kinds = options.locator(".command-kind").all_text_contents()
    assert kinds.index("Page") < kinds.index("Conversation") < kinds.index("Model")


def test_of_two_conversations_with_one_title_none_is_hidden(chat: Any) -> None:
    for _ in range(2):
        chat.get_by_role("button", name="New chat").click()
        ask(chat, "About the sea")
        answered(chat)
    expect(chat.locator(".entry").filter(has_text="About the sea")).to_have_count(2)
    expect(summon(chat, "about the sea").filter(has_text="Conversation")).to_have_count(2)
