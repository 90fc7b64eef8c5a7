"""The field for the next message and its keys."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import answered, ask, last_answer


@pytest.mark.parametrize("parts", ["isComposing: true", "keyCode: 229"])
def test_enter_inside_a_composition_does_not_send(page: Any, parts: str) -> None:
    draft = page.get_by_label("Message", exact=True)
    draft.fill("你好")
    draft.evaluate(
        f"(field) => field.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true, {parts}}}))"
    )
    expect(draft).to_have_value("你好")
    expect(page.locator(".message")).to_have_count(0)


def test_shift_and_enter_make_a_new_line(page: Any) -> None:
    draft = page.get_by_label("Message", exact=True)
    draft.fill("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(draft).to_have_value("one\ntwo")


def test_the_field_grows_with_the_draft_to_two_fifths_of_the_height(page: Any) -> None:
    draft = page.get_by_label("Message", exact=True)
    small = draft.bounding_box()["height"]
    draft.fill("line\n" * 6)
    assert draft.bounding_box()["height"] > small
    draft.fill("line\n" * 200)
    assert draft.bounding_box()["height"] <= 0.4 * 800 + 1


def test_an_empty_draft_is_not_sent(page: Any) -> None:
    ask(page, "   ")
    expect(page.locator(".message")).to_have_count(0)


def test_a_draft_may_be_written_while_an_answer_comes(page: Any) -> None:
    ask(page, "/long story")
    page.keyboard.type("and then")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    answered(page)
    expect(page.get_by_label("Message", exact=True)).to_have_value("and then")
    expect(page.locator(".question")).to_have_count(1)


def test_the_focus_stays_in_the_field(page: Any) -> None:
    ask(page, "Hello")
    answered(page)
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_a_double_click_on_send_does_not_stop_the_answer(page: Any) -> None:
    page.get_by_label("Message", exact=True).fill("Hello")
    page.get_by_role("button", name="Send").dblclick()
    answered(page)
    expect(last_answer(page)).to_contain_text("can be asked.")
