"""The page as a whole: that it loads cleanly, fits, has its colours, scrolls and speaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import answered, ask, ready, until, watch

LUMINANCE = "() => getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)"


def test_the_page_loads_without_a_complaint(browser: Any, server_url: str) -> None:
    context = browser.new_context()
    page, said = context.new_page(), []
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (event) => console.error('refused', event.violatedDirective))"
    )
    page.on("console", lambda message: said.append((message.type, message.text)))
    page.on("pageerror", lambda error: said.append(("pageerror", str(error))))
    page.on("requestfailed", lambda request: said.append(("failed", request.url, request.failure)))
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    response = page.goto(server_url)
    page.locator(".welcome-title").wait_for()
    assert said == []
    assert "require-trusted-types-for 'script'" in response.headers["content-security-policy"]
    assert {address for address in addresses if not address.startswith(server_url)} == set()
    context.close()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (320, 256), (1280, 800)])
def test_nothing_sticks_out_sideways(open_page: Callable[..., Any], width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height})
    ask(page, "/markdown " + "unbroken" * 40)
    answered(page)
    ask(page, "x" * 300)
    answered(page)
    page.locator("#picker-button").click()
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Parameters").first.click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_everything_that_is_tapped_on_a_phone_is_large_enough(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    ask(page, "/markdown")
    answered(page)
    for button in page.locator(".top button:visible, #send").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44, button.get_attribute("id")
    for button in page.locator("main button:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 24, button.text_content()


def test_the_theme_follows_the_system_and_can_be_chosen(open_page: Callable[..., Any]) -> None:
    page = open_page(color_scheme="dark")
    assert max(page.evaluate(LUMINANCE)) < 60
    page.get_by_role("button", name="Appearance and language").click()
    page.get_by_role("radio", name="Light").check()
    assert min(page.evaluate(LUMINANCE)) > 200
    page.reload()
    assert min(page.evaluate(LUMINANCE)) > 200
    page.get_by_role("button", name="Appearance and language").click()
    expect(page.get_by_role("radio", name="Light")).to_be_checked()
    page.get_by_role("radio", name="System").check()
    assert max(page.evaluate(LUMINANCE)) < 60


@pytest.mark.parametrize(
    ("locale", "title", "tokens"),
    [("zh-CN", "新对话", "22 个词元"), ("ru-RU", "Новая беседа", "22 токена"), ("en-GB", "New chat", "22 tokens")],
)
def test_the_page_speaks_the_language_of_the_browser(
    open_page: Callable[..., Any], locale: str, title: str, tokens: str
) -> None:
    page = open_page(locale=locale)
    expect(page.locator("#new-chat")).to_have_text(re.compile(title))
    page.locator("#draft").fill("Hello")
    page.keyboard.press("Enter")
    answered(page)
    expect(page.locator(".facts")).to_contain_text(tokens)


def test_another_language_is_one_click_away_and_stays(open_page: Callable[..., Any]) -> None:
    page = open_page()
    ask(page, "Hello")
    answered(page)
    page.get_by_role("button", name="Appearance and language").click()
    page.get_by_role("link", name="Русский").click()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    expect(page.locator(".question-text")).to_have_text("Hello")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "ru")


def test_the_end_is_followed_until_the_reader_goes_elsewhere(page: Any) -> None:
    page.set_viewport_size({"width": 700, "height": 420})
    ask(page, "/growing")
    jump = page.get_by_role("button", name="Jump to latest")
    until(lambda: page.evaluate("() => scrollY") > 200, "the page to follow the answer")
    expect(jump).to_be_hidden()
    page.mouse.move(350, 200)
    page.mouse.wheel(0, -10_000)
    until(lambda: page.evaluate("() => scrollY") == 0, "the page to be at its beginning")
    expect(jump).to_be_visible()
    height = page.evaluate("() => document.documentElement.scrollHeight")
    page.wait_for_function("(height) => document.documentElement.scrollHeight > height", arg=height)
    assert page.evaluate("() => scrollY") == 0
    jump.click()
    expect(jump).to_be_hidden()
    page.keyboard.press("Escape")


def test_an_answer_is_announced_once_at_its_start_and_once_at_its_end(page: Any) -> None:
    said, busy = watch(page, "#status"), watch(page, ".answer article", "aria-busy")
    ask(page, "Hello")
    answered(page)
    expect(page.locator("#status")).to_have_text("Answer finished, 22 words.")
    assert said() == ["", "Generating an answer.", "Answer finished, 22 words."]
    expect(page.locator(".answer article")).to_have_attribute("aria-busy", "false")
    assert busy() == ["true", "false"]
    expect(page.get_by_role("log", name="Conversation")).to_have_attribute("aria-live", "off")


def test_reduced_motion_stills_what_moves(open_page: Callable[..., Any]) -> None:
    page = open_page(reduced_motion="reduce")
    ask(page, "/long story")
    expect(page.locator(".answer-text")).to_contain_text("photograph")
    assert page.evaluate("() => document.getAnimations().length") == 0


def test_the_skip_link_leads_to_the_field(page: Any) -> None:
    link = page.get_by_role("link", name="Skip to the message field")
    expect(link).not_to_be_in_viewport()
    link.focus()
    expect(link).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_a_server_that_went_away_is_said_to_be_gone_and_found_again(page: Any) -> None:
    page.route("**/api/models*", lambda route: route.abort())
    page.route("**/api/models/events", lambda route: route.abort())
    page.evaluate("() => dispatchEvent(new Event('online'))")
    words = page.get_by_text("The server does not answer. Trying again…")
    expect(words).to_be_visible()
    page.unroute_all()
    expect(words).to_be_hidden()


def test_a_browser_that_keeps_nothing_still_has_a_page(open_page: Callable[..., Any]) -> None:
    page = open_page()
    refuse = "Object.defineProperty(window, '{}', {{ get() {{ throw new DOMException('no', 'SecurityError'); }} }});"
    page.add_init_script(refuse.format("localStorage") + refuse.format("sessionStorage"))
    page.reload()
    ready(page)
    ask(page, "Hello")
    answered(page)
    expect(page.locator(".facts")).to_contain_text("ended")


def test_a_hidden_tab_and_a_tab_that_gets_an_answer_do_not_hold_the_stream_of_changes(page: Any) -> None:
    page.evaluate("() => Object.defineProperty(document, 'hidden', { get: () => window.isAway, configurable: true })")
    turn = "(away) => { window.isAway = away; document.dispatchEvent(new Event('visibilitychange')); }"
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/api/models/events")):
        page.evaluate(turn, True)
    with page.expect_response("**/api/models/events"):
        page.evaluate(turn, False)
    with page.expect_response("**/api/models/events"):
        with page.expect_event("requestfailed", lambda request: request.url.endswith("/api/models/events")):
            ask(page, "Hello")
        answered(page)
