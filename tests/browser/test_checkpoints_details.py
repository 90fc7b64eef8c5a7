"""The details of one checkpoint: why it cannot be loaded, facts with evidence, the timeline, tokens, jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.catalog_acts import FINAL, SFT, row, visit_checkpoints


@pytest.fixture
def catalog(open_page: Callable[..., Any], server_url: str) -> Any:
    """The checkpoint browser on a desktop."""
    return visit_checkpoints(open_page, server_url)


def test_a_broken_checkpoint_says_why_and_what_helps(catalog: Any) -> None:
    broken = row(catalog, "broken/half.safetensors")
    expect(broken).to_contain_text("ends after 1,000,000 of 4,000,000 bytes")
    expect(broken.get_by_role("button")).to_have_count(0)
    broken.click()
    details = catalog.get_by_role("dialog", name="half.safetensors")
    expect(details.locator(".problem")).to_contain_text("file_truncated")
    expect(details.locator(".problem")).to_contain_text("Copy the file again")
    expect(details.get_by_role("button", name="Load")).to_have_count(0)


def test_details_load_in_a_chosen_precision_pin_and_unpin(catalog: Any, call: Callable[..., Any]) -> None:
    row(catalog, SFT).click()
    details = catalog.get_by_role("dialog", name="checkpoint-500")
    details.get_by_label("Precision").select_option("float32")
    details.get_by_label("keep in memory").check()
    details.get_by_role("button", name="Load", exact=True).click()
    expect(details.locator(".load-state")).to_have_text("ready · float32 · cpu · pinned")
    expect(row(catalog, SFT)).to_contain_text("pinned")
    status = call(f"/api/models/{SFT}/status")
    assert (status["precision"], status["pinned"]) == ("float32", True)
    details.get_by_role("button", name="Unpin").click()
    expect(details.locator(".load-state")).to_have_text("ready · float32 · cpu")
    expect(details.get_by_role("button", name="Pin", exact=True)).to_be_visible()


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
            route.fulfill(status=202, json={"job": {"id": "j1", "state": "queued", "progress": None}})

    answers = [
        {"id": "j1", "state": "running", "progress": 0.6, "message": "layer 7 of 12"},
        {"id": "j1", "state": "succeeded", "result": {"findings": ["lm_head holds 3 NaN"], "tensors": 120}},
    ]
    catalog.route("**/api/models/**/check", begin)
    catalog.route("**/api/jobs/j1", lambda route: route.fulfill(json={"job": answers.pop(0)}))
    row(catalog, SFT).click()
    catalog.locator("summary").filter(has_text="Health check").click()
    catalog.get_by_role("button", name="Check", exact=True).click()
    check = catalog.locator(".job").first
    expect(check).to_contain_text("60% · layer 7 of 12")
    expect(check.locator(".job-result")).to_contain_text("lm_head holds 3 NaN")
    expect(check.locator(".job-result")).to_contain_text("120")


def test_what_the_server_cannot_do_is_not_offered(catalog: Any) -> None:
    catalog.route("**/api/models/**/check", lambda route: route.fulfill(headers={"Allow": "GET, OPTIONS"}))
    row(catalog, SFT).click()
    expect(catalog.locator(".later")).to_have_attribute("aria-busy", "false")
    expect(catalog.get_by_text("Health check")).to_have_count(0)
