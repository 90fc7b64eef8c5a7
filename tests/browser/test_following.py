"""Answers that outlive the page: reloads, other tabs, other devices, broken connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from engine import SamplingParams
from tests.browser.acts import answered, ask, last_answer, ready, until
from tests.doubles import ANSWER

SFT = "/?model=sft/checkpoint-500"
STORY = " ".join((ANSWER.split() * 40)[: SamplingParams().max_new_tokens])


def test_a_reload_keeps_the_conversation_and_the_draft(chat: Any) -> None:
    ask(chat, "Hello")
    answered(chat)
    chat.get_by_label("Message", exact=True).fill("half a thought")
    chat.reload()
    ready(chat)
    expect(chat.locator(".question-text")).to_have_text("Hello")
    expect(last_answer(chat)).to_contain_text("photograph of a model")
    expect(chat.locator(".facts")).to_contain_text("22 tokens")
    expect(chat.get_by_label("Message", exact=True)).to_have_value("half a thought")


def test_a_reload_in_the_middle_of_an_answer_goes_on_from_where_it_was(chat: Any) -> None:
    ask(chat, "/long story")
    expect(last_answer(chat)).to_contain_text("photograph")
    before = last_answer(chat).text_content().rstrip()
    chat.reload()
    expect(chat.locator("#send")).to_have_attribute("data-does", "stop")
    chat.wait_for_function("(text) => document.querySelector('.answer-text')?.textContent.startsWith(text)", arg=before)
    more = min(len(before) + 100, len(STORY))
    until(lambda: len(last_answer(chat).text_content().rstrip()) >= more, "the answer to go on")
    chat.get_by_role("button", name="Stop").click()
    answered(chat)
    assert STORY.startswith(last_answer(chat).text_content().rstrip())
    expect(chat.locator(".facts")).to_contain_text("stopped by you")


def test_another_tab_follows_the_same_answer_and_both_end_alike(chat: Any, server_url: str) -> None:
    ask(chat, "/long story")
    expect(last_answer(chat)).to_contain_text("photograph")
    other = chat.context.new_page()
    other.goto(chat.url)
    expect(last_answer(other)).to_contain_text("photograph")
    other.get_by_role("button", name="Stop").click()
    for tab in (other, chat):
        answered(tab)
        expect(tab.locator(".facts")).to_contain_text("stopped by you")
    assert last_answer(other).text_content() == last_answer(chat).text_content()


def test_two_tabs_agree_on_what_is_asked_and_how_it_is_called(chat: Any) -> None:
    ask(chat, "Hello")
    answered(chat)
    other = chat.context.new_page()
    other.goto(chat.url)
    expect(last_answer(other)).to_contain_text("photograph")
    ask(chat, "And more")
    expect(other.locator(".question-text").last).to_have_text("And more")
    answered(other)
    expect(other.locator(".answer")).to_have_count(2)
    other.locator(".entry").hover()
    other.locator(".entry").get_by_role("button").click()
    other.get_by_role("menuitem", name="Rename").click()
    other.get_by_label("New title").fill("Agreed")
    other.keyboard.press("Enter")
    expect(chat.locator(".entry-title")).to_have_text("Agreed")


def test_another_device_sees_what_was_said(chat: Any, open_page: Callable[..., Any]) -> None:
    ask(chat, "Hello")
    answered(chat)
    other = open_page(chat.url.removeprefix(chat.evaluate("() => location.origin")))
    expect(last_answer(other)).to_contain_text("photograph")
    ask(chat, "And more")
    answered(chat)
    expect(other.locator(".question-text").last).to_have_text("And more")


def test_a_conversation_that_is_being_answered_elsewhere_is_marked(chat: Any, open_page: Callable[..., Any]) -> None:
    ask(chat, "/long story")
    other = open_page()
    expect(other.locator(".entry").get_by_role("link")).to_contain_text("being answered")
    chat.get_by_role("button", name="Stop").click()
    expect(other.locator(".entry-answering")).to_have_count(0)
    expect(other.locator(".entry")).to_have_count(1)


def test_an_answer_goes_on_when_one_looks_away_and_is_there_when_one_comes_back(chat: Any) -> None:
    ask(chat, "/long story")
    expect(last_answer(chat)).to_contain_text("photograph")
    chat.get_by_role("button", name="New chat").click()
    expect(chat.locator(".welcome-title")).to_be_visible()
    expect(chat.locator("#send")).to_have_attribute("data-does", "send")
    chat.locator(".entry").get_by_role("link").click()
    expect(last_answer(chat)).to_contain_text("photograph")
    chat.get_by_role("button", name="Stop").click()
    answered(chat)


def test_a_connection_that_breaks_is_made_anew_and_nothing_is_lost(chat: Any) -> None:
    body = 'retry: 2000\n\nid: 0\nevent: token\ndata: {"type":"token","text":"A "}\n\n'
    headers = {"Content-Type": "text/event-stream"}
    chat.route("**/events?from=0", lambda route: route.fulfill(status=200, headers=headers, body=body))
    with chat.expect_request("**/events?from=1"):
        ask(chat, "Hello")
    answered(chat)
    expect(last_answer(chat)).to_contain_text("photograph of a model")


def test_a_tab_holds_one_stream_at_most(chat: Any) -> None:
    with chat.expect_response("**/api/models/events"):
        with chat.expect_event("requestfailed", lambda request: request.url.endswith("/api/models/events")):
            ask(chat, "Hello")
        answered(chat)


def test_a_run_that_the_server_forgot_shows_what_was_kept(chat: Any) -> None:
    error = {"type": "not_found_error", "code": "run_not_found", "message": "there is no such run to follow"}
    chat.route("**/api/runs/*/events*", lambda route: route.fulfill(status=404, json={"error": error}))
    with chat.expect_response("**/api/runs/*/events*"):
        ask(chat, "Hello")
    chat.unroute_all()
    chat.reload()
    expect(last_answer(chat)).to_contain_text("photograph of a model")
