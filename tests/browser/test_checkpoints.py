"""The checkpoint browser's list: finding, sorting, loading and unloading, with the mouse and the keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import until
from tests.browser.axe import found_by_axe
from tests.browser.catalog_acts import FINAL, SFT, names, row, visit_checkpoints


@pytest.fixture
def visit(open_page: Callable[..., Any], server_url: str) -> Callable[..., Any]:
    """Open the checkpoint browser with a context's options: `visit("?q=sft", locale="ru-RU")`."""
    return lambda query="", **options: visit_checkpoints(open_page, server_url, query, **options)


@pytest.fixture
def catalog(open_page: Callable[..., Any], server_url: str) -> Any:
    """The checkpoint browser on a desktop."""
    return visit_checkpoints(open_page, server_url)


def test_runs_stand_as_a_tree_with_the_facts_of_their_checkpoints(catalog: Any) -> None:
    assert names(catalog)[:7] == [
        "pretrain", FINAL, "pretrain/step-10000.pt", "sft", SFT, "rl/grpo", "rl/grpo/step-120",
    ]  # fmt: skip
    for fact in ("not loaded", "SFT", "500", "1.87", "train", "29.4M", "bfloat16", "59", "77.7"):
        expect(row(catalog, SFT)).to_contain_text(fact)
    levels = [catalog.locator(f".heading >> nth={place}").get_attribute("aria-level") for place in range(3)]
    assert levels == ["1", "2", "3"]


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


def test_a_new_checkpoint_appears_by_itself(catalog: Any, call: Callable[..., Any]) -> None:
    listing = call("/api/models")
    new = {**listing["models"][0], "id": "pretrain/step-30000.pt", "name": "step-30000.pt", "step": 30_000}
    body = f"event: appeared\ndata: {json.dumps({**new, 'type': 'appeared'})}\n\n"
    catalog.route("**/api/models/events", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    catalog.route("**/api/models", lambda route: route.fulfill(json={**listing, "models": [*listing["models"], new]}))
    catalog.evaluate("() => dispatchEvent(new Event('online'))")
    expect(row(catalog, new["id"]).locator(".mark-new")).to_have_text("new")
    expect(catalog.locator("#found")).to_have_text("7 checkpoints")


def test_keys_pressed_before_the_next_frame_act_on_the_lines_that_were_meant(catalog: Any) -> None:
    catalog.get_by_role("columnheader", name="Memory").get_by_role("button").focus()
    catalog.keyboard.press("Tab")
    catalog.keyboard.press("ArrowLeft")
    catalog.evaluate(
        """() => ["ArrowRight", "ArrowDown"].forEach(
            (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })))"""
    )
    expect(catalog.locator(".row:focus")).to_contain_text(FINAL)


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


def test_what_the_scan_skipped_is_listed_with_its_reason(catalog: Any) -> None:
    skipped = [{"path": "run/odd.bin", "reason": "it has neither a header nor a name that is known"}]

    def listed(route: Any) -> None:
        listing = route.fetch().json()
        route.fulfill(json={**listing, "scan": {**listing["scan"], "skipped": skipped}})

    catalog.route("**/api/models", listed)
    catalog.reload()
    catalog.get_by_text("1 file skipped").click()
    expect(catalog.locator("#skipped-list")).to_contain_text("run/odd.bin it has neither a header nor a name")


def test_a_refusal_is_shown_with_its_remedy(catalog: Any) -> None:
    error = {"code": "not_enough_memory", "message": "it needs 9 GB of 8 GB", "type": "checkpoint_error", "hint": None}
    refuse = {"status": 422, "json": {"error": error}}
    catalog.route("**/api/models/**/load", lambda route: route.fulfill(**refuse))
    row(catalog, SFT).get_by_role("button").click()
    expect(catalog.get_by_role("alert")).to_contain_text("It needs 9 GB of 8 GB. Unload another model")
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
