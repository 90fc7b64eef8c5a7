"""Asking and answering, as a person sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.acts import answered, ask, last_answer, pick, until

SFT = "sft/checkpoint-500"


def test_tokens_arrive_one_after_another(page: Any) -> None:
    ask(page, "Hello")
    lengths: list[int] = []

    def grew() -> bool:
        lengths.append(len(last_answer(page).text_content() or ""))
        return len(set(lengths)) >= 4

    last_answer(page).wait_for(state="attached")
    until(grew, "the answer to grow three times")
    assert lengths == sorted(lengths)
    answered(page)
    expect(last_answer(page)).to_have_text(
        "A checkpoint is a photograph of a model: its weights at one step of training, kept so that it can be asked."
    )


def test_a_message_to_an_unloaded_model_loads_it_and_says_how_far_it_is(page: Any) -> None:
    ask(page, "Hello")
    expect(page.locator(".waiting")).to_contain_text("Loading final.pt")
    expect(page.get_by_role("progressbar", name="Loading final.pt")).to_be_visible()
    answered(page)
    expect(page.locator("#picker-state")).to_have_text("ready")


def test_an_answer_ends_with_its_facts(page: Any) -> None:
    ask(page, "Hello")
    answered(page)
    facts = page.get_by_role("list", name="About this answer").get_by_role("listitem")
    words = facts.all_text_contents()
    assert words[:2] == ["final.pt", "22 tokens"]
    assert words[2].endswith("tok/s")
    assert words[3].startswith("first token after")
    assert words[4] == "ended"


def test_stop_ends_the_compute_and_keeps_the_text(page: Any, call: Callable[..., Any]) -> None:
    pick(page, "checkpoint-500")
    ask(page, "/long story")
    expect(last_answer(page)).to_contain_text("photograph")
    page.get_by_role("button", name="Stop").click()
    answered(page)
    until(lambda: call(f"/api/models/{SFT}/status")["running"] == 0, "the model to be idle")
    text = last_answer(page).text_content()
    assert text.startswith("A checkpoint is a photograph")
    expect(page.locator(".facts").last).to_contain_text("stopped by you")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_escape_stops_as_well(page: Any) -> None:
    ask(page, "/long story")
    expect(last_answer(page)).to_contain_text("photograph")
    page.keyboard.press("Escape")
    answered(page)
    expect(page.locator(".facts").last).to_contain_text("stopped by you")


def test_stop_before_the_first_word_gives_the_draft_back(page: Any) -> None:
    ask(page, "/slow thoughts")
    page.locator(".waiting").wait_for()
    page.get_by_role("button", name="Stop").click()
    answered(page)
    expect(page.get_by_label("Message", exact=True)).to_have_value("/slow thoughts")
    expect(page.locator(".message")).to_have_count(0)


def test_a_failure_shows_the_servers_words_and_keeps_the_draft(page: Any) -> None:
    ask(page, "/fail please")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("the prompt has 5000 tokens and the context 2048")
    expect(alert).to_contain_text("context_length_exceeded")
    expect(alert).to_contain_text("request ")
    expect(page.get_by_label("Message", exact=True)).to_have_value("/fail please")
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_be_hidden()


def test_a_failure_in_the_middle_keeps_the_text_and_can_be_tried_again(page: Any) -> None:
    ask(page, "/late trouble")
    expect(page.get_by_role("alert")).to_contain_text("the process that computes ended")
    expect(last_answer(page)).to_have_text("A checkpoint is a photograph")
    expect(page.locator(".facts").last).to_contain_text("broke off")
    page.get_by_role("alert").get_by_role("button", name="Retry").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    answered(page)
    expect(page.locator(".answer")).to_have_count(1)


def test_a_cut_connection_is_said_to_be_one(page: Any) -> None:
    body = 'retry: 2000\n\nevent: token\ndata: {"type":"token","text":"Half a"}\n\n'
    headers = {"Content-Type": "text/event-stream"}
    page.route("**/api/generate", lambda route: route.fulfill(status=200, headers=headers, body=body))
    ask(page, "Hello")
    expect(page.get_by_role("alert")).to_contain_text("The connection was cut")
    expect(last_answer(page)).to_have_text("Half a")


def test_regenerate_replaces_the_last_answer(page: Any) -> None:
    ask(page, "Hello")
    answered(page)
    ask(page, "/markdown")
    answered(page)
    again = page.get_by_role("button", name="Regenerate")
    expect(again).to_have_count(1)
    again.click()
    answered(page)
    expect(page.locator(".message")).to_have_count(4)
    expect(last_answer(page)).to_contain_text("A heading")


def test_code_comes_in_a_block_that_can_be_copied(open_page: Callable[..., Any]) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, "/markdown")
    answered(page)
    expect(page.locator(".code-language")).to_have_text("python")
    expect(page.locator(".code-block code .line")).to_have_count(2)
    page.get_by_role("button", name="Copy code").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == "def greedy(logits):\n    return logits.argmax(-1)"


def test_selecting_an_answer_gives_its_text_as_it_was_written(page: Any) -> None:
    ask(page, "/markdown")
    answered(page)
    selected = page.evaluate(
        "() => { getSelection().selectAllChildren(document.querySelector('.code-block code'));"
        " return getSelection().toString(); }"
    )
    assert selected.rstrip("\n") == "def greedy(logits):\n    return logits.argmax(-1)"


def test_markup_in_an_answer_stays_text(page: Any) -> None:
    text = "<img src=x onerror=alert(1)> <b>bold</b>"
    done = '{"type":"done","finish_reason":"stop","text":' + f'"{text}"' + "}"
    headers = {"Content-Type": "text/event-stream"}
    page.route("**/api/generate", lambda route: route.fulfill(headers=headers, body=f"data: {done}\n\n"))
    ask(page, "<i>Hello</i>")
    expect(last_answer(page)).to_have_text(text)
    expect(page.locator(".transcript img, .transcript b, .transcript i")).to_have_count(0)


def test_a_new_chat_is_empty(page: Any) -> None:
    ask(page, "Hello")
    answered(page)
    page.get_by_role("button", name="New chat").click()
    expect(page.locator(".message")).to_have_count(0)
    expect(page.locator(".welcome-title")).to_be_visible()


def test_a_reload_keeps_the_conversation_and_the_draft(page: Any) -> None:
    ask(page, "Hello")
    answered(page)
    page.get_by_label("Message", exact=True).fill("half a thought")
    page.reload()
    expect(page.locator(".question")).to_have_text("YouHello")
    expect(last_answer(page)).to_contain_text("photograph of a model")
    expect(page.locator(".facts")).to_contain_text("22 tokens")
    expect(page.get_by_label("Message", exact=True)).to_have_value("half a thought")


def test_a_reload_in_the_middle_keeps_what_came(page: Any) -> None:
    ask(page, "/long story")
    expect(last_answer(page)).to_contain_text("photograph")
    page.reload()
    expect(last_answer(page)).to_contain_text("A checkpoint is a photograph")
    expect(page.locator(".facts")).to_contain_text("interrupted")


def test_a_model_without_a_template_can_complete_a_text(page: Any) -> None:
    expect(page.locator("#mode-note")).to_contain_text("no chat template of its own")
    page.get_by_role("radio", name="Completion").check()
    with page.expect_request("**/api/generate") as request:
        ask(page, "Once upon a time")
    assert request.value.post_data_json["prompt"] == "Once upon a time"
    assert "messages" not in request.value.post_data_json
    pick(page, "checkpoint-500")
    expect(page.get_by_role("radio", name="Completion")).to_be_hidden()


def test_the_conversation_so_far_is_sent_with_the_next_question(page: Any) -> None:
    ask(page, "Hello")
    answered(page)
    with page.expect_request("**/api/generate") as request:
        ask(page, "And now?")
    roles = [message["role"] for message in request.value.post_data_json["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_a_starter_prompt_asks_at_once(page: Any) -> None:
    page.get_by_role("button", name="Write a haiku about gradient descent.").click()
    answered(page)
    expect(page.locator(".question")).to_contain_text("haiku")
