"""What can be done with messages: other versions of them, going on, inserting, deleting, forking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import act, answered, ask, last_answer, until


@pytest.fixture
def talked(chat: Any) -> Any:
    """The page after one question and its answer."""
    ask(chat, "Hello")
    answered(chat)
    return chat


def edit(page: Any, message: Any, text: str) -> None:
    """Write a message in other words and send it."""
    field = page.get_by_label("The message in other words")
    if field.count() == 0:
        message.hover()
        message.locator("[data-act=edit]").click()
    field.fill(text)
    page.keyboard.press("Enter")


def test_an_edited_question_is_answered_and_the_first_one_kept(talked: Any) -> None:
    edit(talked, talked.locator(".question"), "Good evening")
    answered(talked)
    question = talked.locator(".question")
    expect(question.locator(".question-text")).to_have_text("Good evening")
    expect(question.locator(".version-count")).to_have_text("2/2")
    question.get_by_role("button", name="Version before").click()
    expect(talked.locator(".question .question-text")).to_have_text("Hello")
    expect(talked.locator(".question .version-count")).to_have_text("1/2")
    expect(last_answer(talked)).to_contain_text("photograph")


def test_escape_leaves_a_message_as_it_was_and_gives_the_focus_back(talked: Any) -> None:
    question = talked.locator(".question")
    question.hover()
    question.locator("[data-act=edit]").click()
    talked.get_by_label("The message in other words").fill("Never said")
    talked.keyboard.press("Escape")
    expect(talked.locator(".question .question-text")).to_have_text("Hello")
    expect(question.locator("[data-act=edit]")).to_be_focused()


def test_regenerate_adds_a_version_and_one_moves_between_them(talked: Any) -> None:
    talked.get_by_role("button", name="Regenerate").click()
    answered(talked)
    versions = talked.locator(".answer .versions")
    expect(versions.locator(".version-count")).to_have_text("2/2")
    expect(talked.locator(".answer")).to_have_count(1)
    versions.get_by_role("button", name="Version before").click()
    expect(versions.locator(".version-count")).to_have_text("1/2")
    expect(versions.get_by_role("button", name="Version before")).to_be_disabled()


def test_another_checkpoint_answers_the_same_question(talked: Any) -> None:
    act(talked.locator(".answer"), "Regenerate with another checkpoint…")
    field = talked.get_by_role("combobox", name="Filter checkpoints")
    expect(field).to_have_attribute("placeholder", "Which checkpoint answers this once more?")
    field.fill("grpo")
    talked.keyboard.press("Enter")
    answered(talked)
    expect(talked.locator(".facts")).to_contain_text("step-120")
    expect(talked.locator(".answer .version-count")).to_have_text("2/2")
    expect(talked.locator("#picker-name")).to_have_text("checkpoint-500")


def test_an_answer_that_was_stopped_goes_on(chat: Any) -> None:
    ask(chat, "/long story")
    expect(last_answer(chat)).to_contain_text("photograph")
    chat.get_by_role("button", name="Stop").click()
    answered(chat)
    before = last_answer(chat).text_content()
    chat.get_by_role("button", name="Continue").click()
    answered(chat)
    until(lambda: len(last_answer(chat).text_content()) > len(before), "the answer to be longer")
    expect(chat.locator(".answer")).to_have_count(1)
    expect(chat.locator(".facts")).to_contain_text("ended")


def test_the_same_run_can_be_had_again(talked: Any) -> None:
    with talked.expect_response("**/rerun") as response:
        act(talked.locator(".answer"), "Run again exactly")
    assert response.value.status == 202
    answered(talked)
    expect(talked.locator(".answer .version-count")).to_have_text("2/2")


def test_an_answer_can_be_written_by_hand(talked: Any) -> None:
    act(talked.locator(".answer"), "Edit")
    talked.get_by_label("The message in other words").fill("By hand.")
    talked.get_by_role("button", name="Save as a version").click()
    expect(last_answer(talked)).to_have_text("By hand.")
    expect(talked.locator(".answer .version-count")).to_have_text("2/2")
    expect(talked.locator(".facts")).to_contain_text("written by hand")


def test_a_message_can_be_put_into_the_models_mouth(talked: Any) -> None:
    talked.get_by_label("Message", exact=True).fill("I am the model.")
    talked.get_by_role("button", name="More ways to write").click()
    talked.get_by_role("menuitem", name="Add as the model's message").click()
    expect(last_answer(talked)).to_have_text("I am the model.")
    expect(talked.get_by_label("Message", exact=True)).to_have_value("")


def test_the_beginning_of_an_answer_can_be_given(chat: Any) -> None:
    chat.get_by_role("button", name="More ways to write").click()
    chat.get_by_role("menuitem", name="Begin the answer for the model…").click()
    field = chat.get_by_label("The answer begins with")
    expect(field).to_be_focused()
    field.fill("Well, ")
    ask(chat, "Hello")
    answered(chat)
    expect(last_answer(chat)).to_contain_text("Well, ")
    expect(field).to_be_hidden()


def test_what_the_model_will_see_is_shown_before_it_is_asked(chat: Any) -> None:
    chat.get_by_label("Message", exact=True).fill("Not yet said")
    chat.get_by_role("button", name="More ways to write").click()
    chat.get_by_role("menuitem", name="What the model will see").click()
    expect(chat.get_by_role("dialog", name="What the model")).to_contain_text("Not yet said")


def test_a_deleted_message_comes_back(talked: Any) -> None:
    act(talked.locator(".answer"), "Delete")
    expect(talked.locator(".answer")).to_have_count(0)
    expect(talked.get_by_role("button", name="Answer this")).to_be_visible()
    talked.get_by_role("button", name="Undo").click()
    expect(last_answer(talked)).to_contain_text("photograph")


def test_a_question_without_an_answer_can_be_answered(talked: Any) -> None:
    act(talked.locator(".answer"), "Delete")
    talked.get_by_role("button", name="Answer this").click()
    answered(talked)
    expect(last_answer(talked)).to_contain_text("photograph")


def test_a_fork_is_a_conversation_of_its_own(talked: Any, call: Callable[..., Any]) -> None:
    ask(talked, "And more")
    answered(talked)
    before = talked.url
    act(talked.locator(".answer").first, "Fork the conversation here")
    expect(talked).not_to_have_url(before)
    expect(talked.locator(".message")).to_have_count(2)
    until(lambda: len(call("/api/conversations")["conversations"]) == 2, "both to be kept")


def test_versions_are_reached_with_the_keyboard(talked: Any) -> None:
    talked.get_by_role("button", name="Regenerate").focus()
    talked.keyboard.press("Enter")
    answered(talked)
    talked.get_by_role("button", name="Version before").focus()
    talked.keyboard.press("Enter")
    expect(talked.locator(".answer .version-count")).to_have_text("1/2")
    talked.locator(".answer [data-act=more]").focus()
    talked.keyboard.press("Enter")
    expect(talked.get_by_role("menuitem").first).to_be_focused()
    talked.keyboard.press("ArrowUp")
    expect(talked.get_by_role("menuitem", name="Delete")).to_be_focused()
    talked.keyboard.press("Escape")
    expect(talked.locator(".answer [data-act=more]")).to_be_focused()
