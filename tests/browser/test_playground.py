"""The playground: completions token by token, other choices, scores, the log, and the test of the connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import until
from tests.browser.axe import found_by_axe

ANSWER = "A checkpoint is a photograph of a model"


@pytest.fixture
def visit(open_page: Callable[..., Any], server_url: str) -> Callable[..., Any]:
    """Open the playground with a context's options."""

    def visit_one(query: str = "", **options: Any) -> Any:
        page = open_page(**options)
        page.goto(f"{server_url}/playground{query}")
        page.locator("#model option").first.wait_for(state="attached")
        return page

    return visit_one


@pytest.fixture
def playground(visit: Callable[..., Any]) -> Any:
    """The playground on a desktop."""
    return visit()


def generate(page: Any, prompt: str = "Once upon a time") -> None:
    """Complete a prompt to its end."""
    page.get_by_label("Prompt").fill(prompt)
    with page.expect_response("**/api/generate"):
        page.get_by_role("button", name="Generate").click()
    page.locator("#generate[data-does=generate]").wait_for()


def tokens(page: Any) -> Any:
    """The coloured tokens of the completion."""
    return page.locator("#completion .token")


def test_a_completion_is_coloured_counted_and_listed(playground: Any) -> None:
    generate(playground)
    expect(playground.locator("#completion")).to_contain_text(ANSWER)
    expect(playground.locator(".prompt-echo")).to_have_text("Once upon a time")
    expect(tokens(playground).first).to_have_attribute("data-level", "0")
    stats = playground.locator("#stats")
    for fact in ("12", "22", "4 of 12", "tok/s", "1234", "ended"):
        expect(stats).to_contain_text(fact)
    line = playground.locator("#token-table .token-row").filter(has_text="·photograph")
    for cell in ("5", "104", "90%"):
        expect(line).to_contain_text(cell)
    expect(playground.get_by_role("table")).to_have_attribute("aria-rowcount", "23")


def test_parameters_are_sent_and_kept(playground: Any) -> None:
    playground.get_by_label("Max tokens").fill("3")
    playground.get_by_label("Temperature").fill("0")
    playground.get_by_label("Seed").fill("77")
    with playground.expect_request("**/api/generate") as sent:
        generate(playground)
    body = sent.value.post_data_json
    assert body["logprobs"] == 10
    assert (body["prompt"], body["max_new_tokens"], body["temperature"], body["seed"]) == ("Once upon a time", 3, 0, 77)
    assert not {"top_k", "top_p", "min_p"} & set(body)
    expect(tokens(playground)).to_have_count(3)
    expect(playground.locator("#stats")).to_contain_text("reached the limit")
    playground.reload()
    expect(playground.get_by_label("Seed")).to_have_value("77")
    expect(playground.get_by_label("Prompt")).to_have_value("Once upon a time")


def test_stop_ends_the_compute_and_keeps_the_text(playground: Any, call: Callable[..., Any]) -> None:
    playground.get_by_label("Max tokens").fill("1000")
    playground.get_by_label("Prompt").fill("/long story")
    playground.keyboard.press("Control+Enter")
    tokens(playground).nth(3).wait_for()
    playground.get_by_role("button", name="Stop").click()
    expect(playground.locator("#stats")).to_contain_text("stopped by you")
    assert tokens(playground).count() >= 4
    until(lambda: call("/api/runs")["runs"] == [], "the run to end on the server")


def test_pointing_at_a_token_shows_what_else_could_stand_there_and_one_can_be_taken(playground: Any) -> None:
    generate(playground)
    tokens(playground).nth(2).hover()
    choices = playground.get_by_role("dialog", name="What else could stand here")
    expect(choices.get_by_role("button")).to_have_count(10)
    expect(choices.locator(".candidate").first).to_contain_text("taken")
    with playground.expect_request("**/api/generate") as sent:
        choices.locator(".candidate").nth(1).click()
    assert sent.value.post_data_json["prompt"] == "Once upon a timeA checkpoint 1"
    expect(playground.get_by_label("Prompt")).to_have_value("Once upon a timeA checkpoint 1")


def test_the_keyboard_reaches_every_token_and_its_alternatives(playground: Any) -> None:
    generate(playground)
    playground.get_by_role("button", name="Test connection").focus()
    playground.keyboard.press("Tab")
    expect(tokens(playground).first).to_be_focused()
    playground.keyboard.press("ArrowRight")
    expect(playground.get_by_role("button", name="token 2, ·checkpoint, 90%")).to_be_focused()
    playground.keyboard.press("Enter")
    expect(playground.locator(".candidate").first).to_be_focused()
    playground.keyboard.press("ArrowDown")
    expect(playground.locator(".candidate").nth(1)).to_be_focused()
    playground.keyboard.press("Escape")
    expect(playground.locator(".alternatives").first).to_be_hidden()
    expect(tokens(playground).nth(1)).to_be_focused()


def test_the_next_token_is_seen_before_and_after_the_samplers(playground: Any) -> None:
    before = [{"id": 1, "text": " the", "logprob": -0.5}, {"id": 2, "text": " a", "logprob": -2.0}]
    distribution = {"before": before, "after": [{"id": 1, "text": " the", "logprob": 0.0}]}
    playground.route("**/api/next_token", lambda route: route.fulfill(json=distribution))
    playground.get_by_role("tab", name="Next token").click()
    with playground.expect_request("**/api/next_token") as sent:
        playground.get_by_role("button", name="Look at the next token").click()
    assert sent.value.post_data_json["prompt"] == playground.get_by_label("Prompt").input_value()
    lists = playground.locator(".next-list")
    expect(lists.first.locator(".candidate")).to_have_count(2)
    expect(lists.first.locator(".is-cut")).to_contain_text("·a")
    expect(lists.last.locator(".candidate")).to_have_text(re.compile("·the.*100%"))
    with playground.expect_request("**/api/generate") as taken:
        lists.last.locator(".candidate").click()
    assert taken.value.post_data_json["prompt"].endswith(" the")


def test_a_pasted_text_is_scored(playground: Any) -> None:
    top = [{"id": 9, "text": " dog", "logprob": -0.1}]
    scores = {
        "tokens": [
            {"id": 5, "text": "The", "logprob": None, "rank": None, "entropy": None, "top": []},
            {"id": 6, "text": " cat", "logprob": -3.5, "rank": 12, "entropy": 2.25, "top": top},
        ],
        "nats": 3.5,
        "perplexity": 33.115,
        "bits_per_byte": 1.262,
    }
    playground.route("**/api/score", lambda route: route.fulfill(json=scores))
    playground.get_by_role("tab", name="Score a text").click()
    playground.get_by_label("A text to score").fill("The cat")
    playground.get_by_role("button", name="Score", exact=True).click()
    expect(playground.locator("#score-numbers")).to_contain_text("33.12")
    expect(playground.locator("#score-numbers")).to_contain_text("1.262")
    scored = playground.locator("#score-text .token")
    expect(scored.first).not_to_have_attribute("data-level", re.compile("."))
    expect(scored.last).to_have_attribute("data-level", "4")
    line = playground.locator("#score-table .token-row").last
    for cell in ("·cat", "6", "3%", "12", "2.25"):
        expect(line).to_contain_text(cell)


def test_the_log_of_the_next_request_is_its_own_from_the_first_line_on(playground: Any) -> None:
    playground.route("**/api/next_token", lambda route: route.fulfill(json={"before": [], "after": [], "left": 0}))
    playground.get_by_label("Max tokens").fill("2")
    generate(playground)
    playground.get_by_role("tab", name="Request log").click()
    expect(playground.locator(".log-line").first).to_contain_text("POST /api/generate")
    playground.get_by_role("tab", name="Next token").click()
    playground.get_by_role("button", name="Look at the next token").click()
    playground.get_by_role("tab", name="Request log").click()
    expect(playground.locator(".log-line").first).to_contain_text("POST /api/next_token")


def test_the_log_tells_what_was_sent_and_each_event_with_its_time(visit: Callable[..., Any]) -> None:
    playground = visit(permissions=["clipboard-read", "clipboard-write"])
    playground.get_by_label("Max tokens").fill("2")
    generate(playground, "it's")
    playground.get_by_role("tab", name="Request log").click()
    lines = playground.locator(".log-line")
    expect(lines.first).to_contain_text("POST /api/generate")
    playground.locator("#log").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    expect(lines.last).to_contain_text("done")
    assert playground.locator(".log-name").all_text_contents()[-3:] == ["token", "token", "done"]
    expect(lines.last.locator(".log-time")).to_have_text(re.compile(r"^\d+ ms$"))
    playground.get_by_role("button", name="Copy as curl").click()
    copied = playground.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("curl -N http://127.0.0.1:")
    assert "it'\\''s" in copied


def test_the_connection_is_tested_step_by_step(playground: Any) -> None:
    playground.get_by_role("button", name="Test connection").click()
    steps = playground.locator(".step")
    expect(playground.locator("#connection-end")).to_have_text("All of it works.", timeout=15_000)
    assert [step.get_attribute("data-state") for step in steps.all()] == ["well"] * 4
    expect(steps.nth(1)).to_contain_text("after its headers")
    expect(steps.nth(2)).to_contain_text("process 4321")


def test_a_connection_that_fails_names_the_step_and_what_to_do(playground: Any) -> None:
    error = {"code": "not_enough_memory", "message": "it needs 9 GB of 8 GB", "type": "checkpoint_error", "hint": None}
    playground.route("**/api/models/**/load", lambda route: route.fulfill(status=422, json={"error": error}))
    playground.get_by_role("button", name="Test connection").click()
    expect(playground.locator("#connection-end")).to_contain_text("blocked")
    states = [step.get_attribute("data-state") for step in playground.locator(".step").all()]
    assert states == ["well", "well", "failed", "untried"]
    expect(playground.locator(".step").nth(2)).to_contain_text("Unload another model")


def test_what_the_server_refuses_is_said_at_its_field(playground: Any) -> None:
    playground.get_by_label("Temperature").fill("9")
    playground.get_by_role("button", name="Generate").click()
    expect(playground.locator("#error-sampling-temperature")).to_contain_text("between 0 and 5")
    expect(playground.get_by_label("Temperature")).to_be_focused()
    playground.get_by_label("Temperature").fill("1")
    expect(playground.locator("#error-sampling-temperature")).to_be_empty()


def test_a_run_that_fails_says_why(playground: Any) -> None:
    playground.get_by_label("Prompt").fill("/late")
    playground.get_by_role("button", name="Generate").click()
    expect(playground.get_by_role("alert")).to_contain_text("process that computes")
    expect(playground.locator("#stats")).to_contain_text("failed")
    expect(tokens(playground)).to_have_count(5)


def test_the_address_chooses_the_checkpoint(visit: Callable[..., Any]) -> None:
    page = visit("?model=rl%2Fgrpo%2Fstep-120")
    expect(page.get_by_label("Checkpoint")).to_have_value("rl/grpo/step-120")
    assert "broken/half.safetensors" not in page.locator("#model").inner_text()


@pytest.mark.parametrize(
    ("options", "tabs"),
    [
        ({"color_scheme": "light"}, ["score", "log", "connection"]),
        ({"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}, []),
    ],
    ids=["light", "dark phone"],
)
def test_axe_finds_nothing_wrong(visit: Callable[..., Any], options: dict[str, Any], tabs: list[str]) -> None:
    page = visit(**options)
    page.locator("#sampling-max_new_tokens").fill("6")
    generate(page)
    tokens(page).nth(2).focus()
    expect(page.locator(".candidate").first).to_be_visible()
    assert found_by_axe(page) == []
    for name in tabs:
        page.locator(f"#tab-{name}").click()
        assert found_by_axe(page) == []


@pytest.mark.parametrize("locale", ["en-GB", "ru-RU", "zh-CN"])
def test_nothing_sticks_out_sideways(visit: Callable[..., Any], locale: str) -> None:
    page = visit(locale=locale)
    page.locator("#prompt").fill("unbroken" * 40)
    page.locator("#generate").click()
    tokens(page).nth(3).wait_for()
    for width, height in ((1280, 800), (900, 700), (390, 844), (320, 256)):
        page.set_viewport_size({"width": width, "height": height})
        for name in ("tokens", "score", "log", "connection"):
            page.locator(f"#tab-{name}").click()
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width
