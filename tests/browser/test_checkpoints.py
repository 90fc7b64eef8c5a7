"""The checkpoint browser: finding, looking at, loading and unloading, with the mouse and with the keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import until
from tests.browser.axe import found_by_axe

SFT = "sft/checkpoint-500"
FINAL = "pretrain/final.pt"


@pytest.fixture
def visit(open_page: Callable[..., Any], server_url: str) -> Callable[..., Any]:
    """Open the checkpoint browser with a context's options: `visit("?q=sft", locale="ru-RU")`."""

    def visit_one(query: str = "", **options: Any) -> Any:
        page = open_page(**options)
        page.goto(f"{server_url}/checkpoints{query}")
        page.locator(".row.checkpoint, #none-found:visible").first.wait_for()
        return page

    return visit_one


@pytest.fixture
def catalog(visit: Callable[..., Any]) -> Any:
    """The checkpoint browser on a desktop."""
    return visit()


def row(page: Any, checkpoint_id: str) -> Any:
    """The line of one checkpoint."""
    return page.locator(".row.checkpoint").filter(has_text=checkpoint_id)


def names(page: Any) -> list[str]:
    """The checkpoints and headings that are shown, from above."""
    return page.locator(".row-path, .heading-label").all_text_contents()


def test_runs_stand_as_a_tree_with_the_facts_of_their_checkpoints(catalog: Any) -> None:
    assert names(catalog)[:7] == [
        "pretrain", FINAL, "pretrain/step-10000.pt", "sft", SFT, "rl/grpo", "rl/grpo/step-120",
    ]  # fmt: skip
    for fact in ("not loaded", "SFT", "500", "1.87", "train", "29.4M", "bfloat16", "59", "77.7"):
        expect(row(catalog, SFT)).to_contain_text(fact)
    levels = [catalog.locator(f".heading >> nth={place}").get_attribute("aria-level") for place in range(3)]
    assert levels == ["1", "2", "3"]


def test_a_broken_checkpoint_says_why_and_what_helps(catalog: Any) -> None:
    broken = row(catalog, "broken/half.safetensors")
    expect(broken).to_contain_text("ends after 1,000,000 of 4,000,000 bytes")
    expect(broken.get_by_role("button")).to_have_count(0)
    broken.click()
    details = catalog.get_by_role("dialog", name="half.safetensors")
    expect(details.locator(".problem")).to_contain_text("file_truncated")
    expect(details.locator(".problem")).to_contain_text("Copy the file again")
    expect(details.get_by_role("button", name="Load")).to_have_count(0)


def test_search_filters_and_the_address_agree(catalog: Any) -> None:
    catalog.get_by_label("Search checkpoints").fill("step pretrain")
    expect(catalog.locator("#found")).to_have_text("2 of 6 checkpoints")
    catalog.get_by_label("Search checkpoints").fill("")
    catalog.get_by_label("Problems").select_option("with")
    expect(catalog.locator("#found")).to_have_text("1 of 6 checkpoints")
    assert "problem=with" in catalog.url
    catalog.reload()
    expect(catalog.locator("#found")).to_have_text("1 of 6 checkpoints")
    catalog.get_by_role("button", name="Clear the filters").click()
    expect(catalog.locator("#found")).to_have_text("6 checkpoints")


def test_nothing_found_is_said(visit: Callable[..., Any]) -> None:
    page = visit("?q=no-such-checkpoint")
    expect(page.locator("#none-found")).to_be_visible()
    expect(page.locator("#found")).to_have_text("0 of 6 checkpoints")


def test_columns_sort_both_ways(visit: Callable[..., Any]) -> None:
    page = visit("?by=none")
    head = page.get_by_role("columnheader", name="Step")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    until(lambda: names(page)[0] == "rl/grpo/step-120", "the smallest step to come first")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    until(lambda: names(page)[0] == FINAL, "the largest step to come first")


def test_grouping_by_format_and_closing_a_group(catalog: Any) -> None:
    catalog.get_by_label("Grouping").select_option("format")
    heading = catalog.locator(".heading").filter(has_text="Hugging Face")
    expect(heading).to_contain_text("2 checkpoints")
    heading.click()
    expect(heading).to_have_attribute("aria-expanded", "false")
    expect(row(catalog, SFT)).to_have_count(0)
    heading.click()
    expect(row(catalog, SFT)).to_be_visible()


def test_loading_shows_how_far_it_is_and_unloading_frees_the_memory(catalog: Any, call: Callable[..., Any]) -> None:
    line = row(catalog, SFT)
    line.get_by_role("button", name="Load: checkpoint-500").click()
    expect(line.get_by_role("progressbar")).to_be_visible()
    expect(line).to_contain_text("ready")
    expect(catalog.locator("#memory-legend")).to_contain_text("checkpoint-500")
    line.get_by_role("button", name="Unload: checkpoint-500").click()
    expect(line).to_contain_text("not loaded")
    expect(catalog.locator("#memory-legend")).not_to_contain_text("checkpoint-500")
    assert call(f"/api/models/{SFT}/status")["state"] == "unloaded"


def test_details_load_in_a_chosen_precision_and_pin(catalog: Any, call: Callable[..., Any]) -> None:
    row(catalog, SFT).click()
    details = catalog.get_by_role("dialog", name="checkpoint-500")
    details.get_by_label("Precision").select_option("float32")
    details.get_by_label("keep in memory").check()
    details.get_by_role("button", name="Load", exact=True).click()
    expect(details.locator(".load-state")).to_have_text("ready · float32 · cpu · pinned")
    expect(row(catalog, SFT)).to_contain_text("pinned")
    status = call(f"/api/models/{SFT}/status")
    assert (status["precision"], status["pinned"]) == ("float32", True)


def test_facts_come_with_their_evidence(catalog: Any) -> None:
    row(catalog, FINAL).click()
    facts = catalog.locator(".panel-facts")
    expect(facts).to_contain_text("the key iter_num")
    expect(facts).to_contain_text("20,000")
    catalog.locator("summary").filter(has_text="Configuration").click()
    expect(catalog.locator(".code-block")).to_contain_text('"model_type": "llama"')


def test_a_guess_is_marked_as_one(catalog: Any) -> None:
    def guess(route: Any) -> None:
        listing = route.fetch().json()
        listing["models"][0]["evidence"]["stage"] = "inferred from the path: 'pretrain'"
        route.fulfill(json=listing)

    catalog.route("**/api/models", guess)
    catalog.reload()
    expect(row(catalog, FINAL).locator(".inferred")).to_contain_text("inferred")
    row(catalog, FINAL).click()
    expect(catalog.locator(".fact").filter(has_text="inferred from the path")).to_contain_text("pretraining")


def test_a_timeline_shows_the_logged_curve_and_leads_to_a_chat(catalog: Any, server_url: str) -> None:
    def logged(route: Any) -> None:
        route.fulfill(json={**route.fetch().json(), "metrics": True})

    points = [[step, 5 - step / 10_000] for step in range(0, 20_001, 100)]
    series = [{"name": "train/loss", "kind": "train", "points": points}]
    catalog.route(f"**/api/models/{FINAL}", logged)
    catalog.route(f"**/api/models/{FINAL}/metrics", lambda route: route.fulfill(json={"series": series}))
    row(catalog, FINAL).click()
    expect(catalog.locator(".timeline figcaption")).to_contain_text("train/loss: from 5 to 3")
    marks = catalog.locator(".timeline a")
    expect(marks).to_have_count(2)
    expect(marks.last).to_have_attribute("href", "/?model=pretrain%2Ffinal.pt")
    marks.last.focus()
    catalog.keyboard.press("ArrowLeft")
    expect(marks.first).to_be_focused()
    expect(marks.first).to_have_attribute(
        "aria-label", "step-10000.pt, step 10,000, validation loss 3.571: Chat with this checkpoint"
    )


def test_the_tokens_of_a_text_are_shown_with_their_ids(catalog: Any) -> None:
    tokens = [{"id": 1, "text": "<s>", "special": True}, {"id": 72, "text": " Hi\n", "special": False}]

    def answer(route: Any) -> None:
        if route.request.method == "OPTIONS":
            route.fulfill(headers={"Allow": "POST, OPTIONS"})
        else:
            route.fulfill(json={"tokens": tokens, "count": 2})

    catalog.route("**/api/tokenize", answer)
    row(catalog, SFT).click()
    catalog.locator("summary").filter(has_text="Tokens of a text").click()
    expect(catalog.locator(".probe-token")).to_have_text(["<s>1", "·Hi↵72"])
    expect(catalog.locator(".probe-token.is-special")).to_have_count(1)


def test_a_health_check_is_followed_to_its_end(catalog: Any) -> None:
    def begin(route: Any) -> None:
        if route.request.method == "OPTIONS":
            route.fulfill(headers={"Allow": "POST, OPTIONS"})
        else:
            route.fulfill(status=202, json={"job": {"id": "j1", "state": "running", "progress": 0.2}})

    answers = [
        {"id": "j1", "state": "running", "progress": 0.6, "message": "layer 7 of 12"},
        {"id": "j1", "state": "done", "result": {"findings": ["lm_head holds 3 NaN"], "tensors": 120}},
    ]
    catalog.route("**/api/models/**/check", begin)
    catalog.route("**/api/jobs/j1", lambda route: route.fulfill(json={"job": answers.pop(0)}))
    row(catalog, SFT).click()
    catalog.locator("summary").filter(has_text="Health check").click()
    catalog.get_by_role("button", name="Check", exact=True).click()
    expect(catalog.locator(".job")).to_contain_text("60% · layer 7 of 12")
    expect(catalog.locator(".job-result")).to_contain_text("lm_head holds 3 NaN")
    expect(catalog.locator(".job-result")).to_contain_text("120")


def test_what_the_server_cannot_do_is_not_offered(catalog: Any) -> None:
    catalog.route("**/api/models/**/check", lambda route: route.fulfill(headers={"Allow": "GET, OPTIONS"}))
    row(catalog, SFT).click()
    expect(catalog.locator(".later")).to_have_attribute("aria-busy", "false")
    expect(catalog.get_by_text("Health check")).to_have_count(0)


def test_a_new_checkpoint_appears_by_itself(catalog: Any, call: Callable[..., Any]) -> None:
    listing = call("/api/models")
    new = {**listing["models"][0], "id": "pretrain/step-30000.pt", "name": "step-30000.pt", "step": 30_000}
    body = f"event: appeared\ndata: {json.dumps({**new, 'type': 'appeared'})}\n\n"
    catalog.route("**/api/models/events", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    catalog.route("**/api/models", lambda route: route.fulfill(json={**listing, "models": [*listing["models"], new]}))
    catalog.evaluate("() => dispatchEvent(new Event('online'))")
    expect(row(catalog, new["id"]).locator(".mark-new")).to_have_text("new")
    expect(catalog.locator("#found")).to_have_text("7 checkpoints")


def test_the_keyboard_alone_reaches_all(catalog: Any) -> None:
    catalog.get_by_role("columnheader", name="Memory").get_by_role("button").focus()
    catalog.keyboard.press("Tab")
    focused = catalog.locator(".row:focus")
    expect(focused).to_contain_text("pretrain")
    catalog.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("aria-expanded", "false")
    catalog.keyboard.press("ArrowRight")
    catalog.keyboard.press("ArrowDown")
    expect(focused).to_contain_text(FINAL)
    catalog.keyboard.press("End")
    expect(focused).to_contain_text("broken/half.safetensors")
    catalog.keyboard.press("Home")
    catalog.keyboard.press("ArrowDown")
    catalog.keyboard.press("Tab")
    expect(catalog.get_by_role("button", name="Load: final.pt")).to_be_focused()
    catalog.keyboard.press("Shift+Tab")
    catalog.keyboard.press("Enter")
    expect(catalog.get_by_role("dialog", name="final.pt")).to_be_visible()
    catalog.keyboard.press("Escape")
    expect(catalog.locator("#details")).to_be_hidden()
    expect(focused).to_contain_text(FINAL)


def test_an_empty_folder_says_how_to_add_a_checkpoint(catalog: Any) -> None:
    listing = {"models": [], "groups": [], "scan": {"at": 0, "seconds": 0, "skipped": []}, "default": None}
    listing |= {"memory": {"budget_bytes": 1, "used_bytes": 0}, "current": None}
    catalog.route("**/api/models", lambda route: route.fulfill(json=listing))
    catalog.reload()
    expect(catalog.get_by_role("heading", name="No checkpoint yet")).to_be_visible()
    expect(catalog.locator("#empty")).to_contain_text("GGUF")
    expect(catalog.locator("#browser")).to_be_hidden()


def test_a_refusal_is_shown_with_its_remedy(catalog: Any) -> None:
    error = {"code": "not_enough_memory", "message": "it needs 9 GB of 8 GB", "type": "checkpoint_error", "hint": None}
    refuse = {"status": 422, "json": {"error": error}}
    catalog.route("**/api/models/**/load", lambda route: route.fulfill(**refuse))
    row(catalog, SFT).get_by_role("button").click()
    expect(catalog.get_by_role("alert")).to_contain_text("it needs 9 GB of 8 GB")
    expect(catalog.get_by_role("alert")).to_contain_text("Unload another model")


@pytest.mark.parametrize(
    "options",
    [
        {"color_scheme": "light"},
        {"color_scheme": "dark", "locale": "ru-RU"},
        {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN"},
    ],
    ids=["light", "dark", "phone"],
)
def test_axe_finds_nothing_wrong(visit: Callable[..., Any], options: dict[str, Any]) -> None:
    page = visit(**options)
    assert found_by_axe(page) == []
    row(page, FINAL).click()
    expect(page.locator(".later")).to_have_attribute("aria-busy", "false")
    assert found_by_axe(page) == []


@pytest.mark.parametrize("locale", ["en-GB", "ru-RU"])
def test_nothing_sticks_out_sideways(visit: Callable[..., Any], locale: str) -> None:
    page = visit(locale=locale)
    for width, height in ((1280, 800), (900, 700), (390, 844), (320, 256)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        row(page, SFT).click()
        expect(page.locator("#details")).to_be_visible()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        page.keyboard.press("Escape")


def test_lines_far_away_are_not_in_the_page(catalog: Any) -> None:
    def thousands(route: Any) -> None:
        listing = route.fetch().json()
        first = listing["models"][1]
        listing["models"] = [{**first, "id": f"run/step-{number}", "step": number} for number in range(2000)]
        route.fulfill(json=listing)

    catalog.route("**/api/models", thousands)
    catalog.reload()
    expect(catalog.locator("#found")).to_have_text("2,000 checkpoints")
    assert catalog.locator(".row.checkpoint").count() < 60
    expect(catalog.get_by_role("treegrid")).to_have_attribute("aria-rowcount", "2002")
    catalog.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
    expect(row(catalog, "run/step-1999")).to_be_visible()
    assert catalog.locator(".row.checkpoint").count() < 60
