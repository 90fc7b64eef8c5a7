"""Asking and answering, as a person sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.acts import act, answered, ask, copied, last_answer, pick, until, watch
from tests.doubles import ANSWER

SFT = "sft/checkpoint-500"


def test_tokens_arrive_one_after_another(page: Any) -> None:
    texts = watch(page, ".answer .answer-text")
    ask(page, "Hello")
    answered(page)
    expect(last_answer(page)).to_have_text(ANSWER)
    seen = [text.rstrip() for text in texts()]
    assert len(seen) >= 4
    assert all(ANSWER.startswith(text) for text in seen)
    assert [len(text) for text in seen] == sorted(len(text) for text in seen)


def test_a_message_to_an_unloaded_model_loads_it_and_says_how_far_it_is(page: Any) -> None:
    words = watch(page, ".waiting:not([hidden])")
    bars = watch(page, ".waiting:not([hidden]) progress:not([hidden])", "aria-label")
    ask(page, "Hello")
    answered(page)
    assert any(text.startswith("Loading final.pt") for text in words())
    assert any(text.startswith("Loading final.pt") for text in bars())
    expect(page.locator("#picker-state")).to_have_text("ready")


def test_an_answer_ends_with_its_facts(page: Any) -> None:
    ask(page, "Hello")
    answered(page)
    facts = page.get_by_role("list", name="About this answer").get_by_role("listitem")
    words = facts.all_text_contents()
    assert words[:3] == ["final.pt", "step 20,000", "22 tokens"]
    assert words[3].endswith("tok/s")
    assert words[4].startswith("first token after")
    assert words[5] == "ended"


def test_how_fast_an_answer_grows_is_said_where_its_facts_will_stand(chat: Any) -> None:
    told, announced = watch(chat, ".message[data-status=streaming] .facts"), watch(chat, "#status")
    ask(chat, "/long story")
    until(lambda: any(re.fullmatch(r"[\d,]+ tokens[\d.]+ tok/s", facts) for facts in told()), "the pace to be said")
    chat.keyboard.press("Escape")
    answered(chat)
    expect(chat.locator(".facts")).to_contain_text("stopped by you")
    assert not any("tok/s" in words for words in announced())


def test_stop_ends_the_compute_and_keeps_the_text(chat: Any, call: Callable[..., Any]) -> None:
    ask(chat, "/long story")
    expect(last_answer(chat)).to_contain_text("photograph")
    chat.get_by_role("button", name="Stop").click()
    answered(chat)
    until(lambda: call(f"/api/models/{SFT}/status")["running"] == 0, "the model to be idle")
    text = last_answer(chat).text_content()
    assert text.startswith("A checkpoint is a photograph")
    expect(chat.locator(".facts").last).to_contain_text("stopped by you")
    expect(chat.get_by_role("alert")).to_be_hidden()


def test_escape_stops_as_well(page: Any) -> None:
    ask(page, "/long story")
    expect(last_answer(page)).to_contain_text("photograph")
    page.keyboard.press("Escape")
    answered(page)
    expect(page.locator(".facts").last).to_contain_text("stopped by you")


def test_a_failure_stands_where_the_answer_would_and_can_be_tried_again(chat: Any) -> None:
    ask(chat, "/fail please")
    failure = chat.locator(".message-failure")
    expect(failure).to_contain_text("The prompt has 5000 tokens and the context 2048")
    expect(failure).to_contain_text("Start a new chat, shorten the message")
    expect(chat.locator("#status")).to_contain_text("The answer broke off. The prompt has 5000 tokens")
    chat.get_by_role("button", name="Try again").click()
    expect(chat.locator(".versions .version-count")).to_have_text("2/2")


def test_a_failure_in_the_middle_keeps_the_text_and_can_go_on(chat: Any) -> None:
    ask(chat, "/late trouble")
    expect(chat.locator(".message-failure")).to_contain_text("the process that computes ended")
    expect(last_answer(chat)).to_have_text("A checkpoint is a photograph")
    expect(chat.locator(".facts").last).to_contain_text("broke off")
    chat.get_by_role("button", name="Continue").click()
    answered(chat)
    expect(chat.locator(".message-failure")).to_have_count(0)
    expect(last_answer(chat)).to_contain_text("A checkpoint is a photograph")
    expect(chat.locator(".answer")).to_have_count(1)


def test_a_question_that_the_server_refuses_goes_back_to_the_composer(chat: Any) -> None:
    error = {
        "type": "overloaded_error",
        "code": "queue_full",
        "message": "64 wait already",
        "param": None,
        "hint": None,
    }
    chat.route("**/messages", lambda route: route.fulfill(status=503, json={"error": error}))
    ask(chat, "Hello")
    alert = chat.get_by_role("alert")
    expect(alert).to_contain_text("64 wait already")
    expect(alert).to_contain_text("Try again in a moment.")
    expect(chat.get_by_label("Message", exact=True)).to_have_value("Hello")
    expect(chat.locator(".message")).to_have_count(0)
    chat.unroute_all()
    alert.get_by_role("button", name="Retry").click()
    answered(chat)
    expect(alert).to_be_hidden()
    expect(last_answer(chat)).to_contain_text("photograph")


def test_a_question_without_a_server_waits_in_the_composer(chat: Any) -> None:
    chat.route("**/api/conversations", lambda route: route.abort())
    ask(chat, "Hello")
    expect(chat.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    expect(chat.get_by_label("Message", exact=True)).to_have_value("Hello")


def test_code_comes_in_a_block_that_can_be_copied(open_page: Callable[..., Any]) -> None:
    page = open_page("/?model=sft/checkpoint-500", permissions=["clipboard-read", "clipboard-write"])
    ask(page, "/markdown")
    answered(page)
    expect(page.locator(".code-language")).to_have_text("python")
    labels = watch(page, ".code-head .button-label")
    text = copied(page, page.get_by_role("button", name="Copy code").click)
    assert text.rstrip("\n") == "def greedy(logits):\n    return logits.argmax(-1)"
    until(lambda: "Copied" in labels(), "the button to say that it copied")


def test_an_answer_is_copied_as_it_was_written(open_page: Callable[..., Any]) -> None:
    page = open_page("/?model=sft/checkpoint-500", permissions=["clipboard-read", "clipboard-write"])
    ask(page, "/markdown")
    answered(page)
    text = copied(page, page.locator(".answer [data-act=copy]").click)
    assert text.startswith("# A heading\n\nSome **bold** words")


def test_markup_in_a_question_stays_text(chat: Any) -> None:
    ask(chat, "<i>Hello</i> <img src=x onerror=alert(1)>")
    answered(chat)
    expect(chat.locator(".question-text")).to_have_text("<i>Hello</i> <img src=x onerror=alert(1)>")
    expect(chat.locator(".transcript img, .transcript i")).to_have_count(0)


def test_a_new_chat_is_empty_and_has_its_own_address(chat: Any) -> None:
    ask(chat, "Hello")
    answered(chat)
    expect(chat).to_have_url(re.compile("/c/"))
    expect(chat).to_have_title("Hello · Parley")
    chat.get_by_role("button", name="New chat").click()
    expect(chat.locator(".message")).to_have_count(0)
    expect(chat.locator(".welcome-title")).to_be_visible()
    expect(chat).to_have_url(re.compile("/$"))
    chat.go_back()
    expect(chat.locator(".question")).to_contain_text("Hello")


def test_the_conversation_so_far_is_read_with_the_next_question(chat: Any) -> None:
    ask(chat, "Hello")
    answered(chat)
    ask(chat, "And now?")
    answered(chat)
    act(chat.locator(".answer").last, "What the model really saw")
    seen = chat.get_by_role("dialog", name="What the model really saw")
    expect(seen).to_contain_text("photograph")
    expect(seen).to_contain_text("And now?")
    chat.keyboard.press("Escape")
    expect(seen).to_be_hidden()


def test_a_base_model_goes_on_with_a_text_and_says_why(page: Any) -> None:
    expect(page.locator("#mode-note")).to_contain_text("no chat template: it has learned to go on with texts")
    with page.expect_request("**/messages") as request:
        ask(page, "Once upon a time")
    assert request.value.post_data_json["raw"] is True
    answered(page)
    expect(page.locator(".answer h2")).to_have_text("final.pt continued")
    page.get_by_role("radio", name="Chat").check()
    with page.expect_request("**/messages") as request:
        ask(page, "Hello")
    assert "raw" not in request.value.post_data_json
    answered(page)
    pick(page, "checkpoint-500")
    expect(page.get_by_role("radio", name="Completion")).to_be_hidden()
    expect(page.locator("#mode-note")).to_be_hidden()


def test_a_starter_prompt_asks_at_once(chat: Any) -> None:
    chat.get_by_role("button", name="Write a haiku about gradient descent.").click()
    answered(chat)
    expect(chat.locator(".question")).to_contain_text("haiku")


def test_an_address_can_choose_the_checkpoint(open_page: Callable[..., Any]) -> None:
    page = open_page("/?model=rl/grpo/step-120")
    expect(page.locator("#picker-name")).to_have_text("step-120")
    expect(page).to_have_url(re.compile("/$"))
