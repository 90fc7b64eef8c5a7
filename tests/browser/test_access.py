"""For everybody: axe-core finds nothing, the focus goes where it should, narrow and turned-around pages hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import answered, ask
from tests.browser.axe import found_by_axe

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
LOOKS = [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE]


@pytest.mark.parametrize("options", LOOKS, ids=["light", "dark", "phone"])
def test_axe_finds_nothing_wrong(open_page: Callable[..., Any], options: dict[str, Any]) -> None:
    page = open_page("/?model=sft/checkpoint-500", **options)
    assert found_by_axe(page) == []
    ask(page, "/markdown")
    answered(page)
    page.get_by_role("button", name="Regenerate").click()
    answered(page)
    page.mouse.move(0, 0)
    assert found_by_axe(page) == []


def test_axe_finds_nothing_wrong_with_what_opens(open_page: Callable[..., Any]) -> None:
    page = open_page("/?model=sft/checkpoint-500")
    ask(page, "/fail please")
    page.locator(".message-failure").wait_for()
    assert found_by_axe(page) == []
    page.locator(".question").hover()
    page.locator(".question [data-act=edit]").click()
    assert found_by_axe(page) == []
    page.keyboard.press("Escape")
    page.locator("#picker-button").click()
    assert found_by_axe(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Appearance and language").click()
    assert found_by_axe(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.get_by_role("option").first.wait_for()
    assert found_by_axe(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Parameters").click()
    assert found_by_axe(page) == []
    page.locator(".entry").hover()
    page.locator(".entry").get_by_role("button").click()
    assert found_by_axe(page) == []


def test_axe_finds_nothing_wrong_with_a_base_model(page: Any) -> None:
    ask(page, "Once upon a time")
    answered(page)
    assert found_by_axe(page) == []


def test_tab_goes_through_the_page_as_it_is_read(page: Any) -> None:
    page.locator(".skip").first.focus()
    seen = ["skip"]
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("() => document.activeElement.id || document.activeElement.className"))
    order = [
        seen.index(name)
        for name in ("skip", "sidebar-button", "brand", "picker-button", "appearance-button", "new-chat")
    ]
    assert order == sorted(order)


def test_a_page_that_is_turned_around_holds_together(open_page: Callable[..., Any]) -> None:
    page = open_page("/?model=sft/checkpoint-500")
    page.evaluate("() => { document.documentElement.dir = 'rtl'; }")
    ask(page, "/markdown مرحبا")
    answered(page)
    page.get_by_role("button", name="Parameters").click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1280
    sidebar = page.get_by_role("navigation", name="Conversations").bounding_box()
    sheet = page.locator("#parameters").bounding_box()
    assert sheet["x"] < 100 < 900 < sidebar["x"]


def test_at_four_hundred_percent_everything_can_still_be_reached(open_page: Callable[..., Any]) -> None:
    page = open_page("/?model=sft/checkpoint-500", viewport={"width": 320, "height": 256})
    ask(page, "Hello")
    answered(page)
    expect(page.locator(".facts")).to_contain_text("ended")
    page.locator("#send").scroll_into_view_if_needed()
    expect(page.locator("#send")).to_be_in_viewport()
    page.get_by_role("button", name="Conversations", exact=True).click()
    expect(page.locator(".entry")).to_be_visible()
