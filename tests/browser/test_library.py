"""The conversations beside the chat: found, named, kept apart, taken out and in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import answered, ask, entry, entry_act, until

Say = Callable[..., dict[str, Any]]


@pytest.fixture
def say(call: Callable[..., Any]) -> Say:
    """Make a conversation with these messages, questions and answers in turn, without asking a model."""

    def make(*texts: str) -> dict[str, Any]:
        made = call("/api/conversations", {})
        for number, text in enumerate(texts):
            role = "assistant" if number % 2 else "user"
            call(f"/api/conversations/{made['id']}/messages", {"content": text, "role": role, "generate": False})
        return made

    return make


def test_conversations_are_listed_by_day_and_opened(say: Say, open_page: Callable[..., Any]) -> None:
    say("About llamas", "They hum.")
    say("About whales", "They sing.")
    page = open_page()
    expect(page.locator(".library h2")).to_have_text(["Today"])
    expect(page.locator(".entry-title")).to_have_text(["About whales", "About llamas"])
    entry(page, "llamas").get_by_role("link").click()
    expect(page.locator(".answer-text")).to_have_text("They hum.")
    expect(entry(page, "llamas").get_by_role("link")).to_have_attribute("aria-current", "page")


def test_an_old_conversation_is_found_by_a_word_of_it(say: Say, open_page: Callable[..., Any]) -> None:
    say("A question", "The vicuña lives in the Andes.")
    say("Вопрос", "Ламы гудят по утрам.")
    say("问题", "今天天气很好。")
    page = open_page()
    search = page.get_by_role("searchbox", name="Search conversations")
    for words, title, snippet in (
        ("vicuña", "A question", "Andes"),
        ("гудят", "Вопрос", "Ламы"),
        ("天气", "问题", "今天"),
    ):
        search.fill(words)
        expect(page.locator(".entry")).to_have_count(1)
        expect(page.locator(".entry")).to_contain_text(title)
        expect(page.locator(".entry-snippet")).to_contain_text(snippet)
        expect(page.locator(".entry-snippet mark")).to_have_text(words)
    search.fill("no such word")
    expect(page.locator("#library-note")).to_have_text("No conversation holds “no such word”.")


def test_the_sidebar_works_with_the_keyboard_alone(say: Say, open_page: Callable[..., Any]) -> None:
    say("First", "One.")
    say("Second", "Two.")
    page = open_page()
    search = page.get_by_role("searchbox", name="Search conversations")
    search.focus()
    page.keyboard.press("ArrowDown")
    expect(entry(page, "Second").get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(entry(page, "First").get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".answer-text")).to_have_text("One.")
    search.fill("Two")
    expect(page.locator(".entry")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".answer-text")).to_have_text("Two.")


def test_a_conversation_is_renamed_where_it_stands(say: Say, open_page: Callable[..., Any]) -> None:
    say("Old name", "Yes.")
    page = open_page()
    entry_act(page, "Old name", "Rename")
    field = page.get_by_label("New title")
    expect(field).to_be_focused()
    field.fill("New name")
    page.keyboard.press("Enter")
    expect(page.locator(".entry-title")).to_have_text("New name")
    entry_act(page, "New name", "Rename")
    page.get_by_label("New title").fill("Another")
    page.keyboard.press("Escape")
    expect(page.locator(".entry-title")).to_have_text("New name")


def test_what_is_pinned_stands_first(say: Say, open_page: Callable[..., Any]) -> None:
    say("Old but dear", "Yes.")
    say("Young", "Yes.")
    page = open_page()
    entry_act(page, "Old but dear", "Pin")
    expect(page.locator(".library h2")).to_have_text(["Pinned", "Today"])
    expect(page.locator(".entry-title")).to_have_text(["Old but dear", "Young"])
    entry_act(page, "Old but dear", "Unpin")
    expect(page.locator(".library h2")).to_have_text(["Today"])


def test_what_is_archived_is_kept_out_of_the_way(say: Say, open_page: Callable[..., Any]) -> None:
    say("Done with", "Yes.")
    page = open_page()
    entry_act(page, "Done with", "Archive")
    expect(page.locator(".entry")).to_have_count(0)
    archive = page.get_by_role("button", name="Archive", exact=True)
    archive.click()
    expect(archive).to_have_attribute("aria-pressed", "true")
    entry_act(page, "Done with", "Take out of the archive")
    expect(page.locator("#library-note")).to_have_text("The archive is empty.")
    archive.click()
    expect(page.locator(".entry-title")).to_have_text("Done with")


def test_what_is_deleted_comes_back(say: Say, open_page: Callable[..., Any]) -> None:
    made = say("By mistake", "Yes.")
    page = open_page(f"/c/{made['id']}")
    entry_act(page, "By mistake", "Delete")
    expect(page.locator(".entry")).to_have_count(0)
    expect(page.locator(".message")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".answer-text")).to_have_text("Yes.")
    expect(page.locator(".entry")).to_have_count(1)


def test_a_conversation_is_copied(say: Say, open_page: Callable[..., Any]) -> None:
    say("Twice", "Yes.")
    page = open_page()
    entry_act(page, "Twice", "Copy as a new conversation")
    expect(page.locator(".entry")).to_have_count(2)
    expect(page.locator(".answer-text")).to_have_text("Yes.")


@pytest.mark.parametrize(
    ("name", "ending"),
    [("Export as Markdown", ".md"), ("Export as JSON", ".json"), ("Export for fine-tuning (JSONL)", ".jsonl")],
)
def test_a_conversation_is_exported(say: Say, open_page: Callable[..., Any], name: str, ending: str) -> None:
    say("Take me along", "Gladly.")
    page = open_page()
    with page.expect_download() as download:
        entry_act(page, "Take me along", name)
    assert download.value.suggested_filename.endswith(ending)
    assert "Gladly." in Path(download.value.path()).read_text("utf-8")


def test_what_was_exported_comes_in_again(say: Say, open_page: Callable[..., Any], tmp_path: Path) -> None:
    made = say("Round trip", "And back.")
    page = open_page()
    with page.expect_download() as download:
        entry_act(page, "Round trip", "Export as JSON")
    file = tmp_path / "conversation.json"
    download.value.save_as(file)
    page.locator("#library-file").set_input_files(file)
    expect(page.locator(".toast")).to_contain_text("1 conversation imported")
    expect(page.locator(".answer-text")).to_have_text("And back.")
    expect(page.locator(".entry")).to_have_count(2)
    assert made["id"] not in page.url


def test_a_file_that_is_no_conversation_is_refused_with_a_reason(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text(json.dumps({"weights": [1, 2]}))
    page.locator("#library-file").set_input_files(file)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator(".entry")).to_have_count(0)
    file.write_text("Dear diary,")
    page.locator("#library-file").set_input_files(file)
    expect(page.get_by_role("alert")).to_contain_text("“broken.json” cannot be read: it is not JSON.")


def test_a_conversation_that_is_not_there_says_so(open_page: Callable[..., Any]) -> None:
    page = open_page("/c/nobody-knows-this-one")
    expect(page.locator(".welcome-title")).to_have_text("This conversation is not there")
    page.locator("#welcome").get_by_role("button", name="New chat").click()
    expect(page.locator(".welcome-title")).to_have_text("final.pt")


def test_the_sidebar_is_a_drawer_on_a_phone(say: Say, open_page: Callable[..., Any]) -> None:
    say("Small", "Yes.")
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    drawer = page.get_by_role("navigation", name="Conversations")
    button = page.get_by_role("button", name="Conversations", exact=True)
    expect(drawer).to_be_hidden()
    button.click()
    expect(page.locator("#new-chat")).to_be_focused()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    entry(page, "Small").get_by_role("link").click()
    expect(drawer).to_be_hidden()
    expect(page.locator(".answer-text")).to_have_text("Yes.")


def test_the_sidebar_stays_closed_where_it_was_closed(page: Any) -> None:
    button = page.get_by_role("button", name="Conversations", exact=True)
    button.click()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_hidden()
    page.reload()
    expect(page.locator(".welcome-title")).to_be_visible()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_a_long_conversation_shows_its_end_and_the_rest_on_the_way_up(say: Say, open_page: Callable[..., Any]) -> None:
    made = say(*[f"message {number}" for number in range(120)])
    page = open_page(f"/c/{made['id']}")
    expect(page.locator(".message").last).to_contain_text("message 119")
    assert page.locator(".message").count() < 120

    def reaches_the_beginning() -> bool:
        page.evaluate("() => scrollTo(0, 0)")
        return page.locator(".message").count() == 120

    until(reaches_the_beginning, "the beginning")
    expect(page.locator(".message").first).to_contain_text("message 0")
    expect(page.get_by_role("button", name="Show earlier messages")).to_be_hidden()


def test_the_list_names_what_is_asked_now(page: Any) -> None:
    ask(page, "What is a llama?")
    answered(page)
    expect(page.locator(".entry-title")).to_have_text("What is a llama?")
