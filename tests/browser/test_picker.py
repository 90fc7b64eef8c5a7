"""Finding, loading and unloading a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import pick, ready, until
from tests.browser.serving import serving

SFT = "sft/checkpoint-500"


@pytest.fixture
def slow_page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page of a server whose loads take so long that nothing has to be quick to see one."""
    with serving("tests.serve_double", tmp_path_factory.mktemp("slow"), "--load-seconds", "60") as address:
        page = browser.new_page()
        page.goto(address)
        ready(page)
        yield page
        page.close()


def test_checkpoints_are_listed_by_group_with_their_facts(page: Any) -> None:
    page.locator("#picker-button").click()
    groups = page.get_by_role("listbox", name="Checkpoints").get_by_role("group")
    expect(groups).to_have_count(4)
    names = [group.get_attribute("aria-labelledby") for group in groups.all()]
    assert [page.locator(f"#{name}").text_content() for name in names] == ["Pretrained", "SFT", "RL", "Other"]
    option = page.get_by_role("option").filter(has_text=SFT)
    for fact in ("checkpoint-500", "not loaded", "29.4M parameters", "59 MB", "step 500", "train loss 1.87", "needs"):
        expect(option).to_contain_text(fact)


def test_a_broken_checkpoint_says_why_and_cannot_be_chosen(page: Any) -> None:
    page.locator("#picker-button").click()
    page.get_by_role("combobox").fill("half")
    option = page.get_by_role("option")
    expect(option).to_have_attribute("aria-disabled", "true")
    expect(option).to_contain_text("ends after 1,000,000 of 4,000,000 bytes")
    expect(option).to_contain_text("Copy the file again, or wait until it is written.")
    page.keyboard.press("Enter")
    expect(page.locator("#picker")).to_be_visible()
    expect(page.locator("#picker-name")).to_have_text("final.pt")


def test_choosing_a_model_shows_how_far_its_load_is_and_a_button_calls_it_off(slow_page: Any) -> None:
    pick(slow_page, "sft 500")
    bar = slow_page.locator("#model-bar").get_by_role("progressbar")
    expect(bar).to_be_visible()
    begun = float(bar.get_attribute("value") or 0)
    until(lambda: float(bar.get_attribute("value") or 0) > begun, "the progress bar to move")
    expect(slow_page.locator("#model-bar")).to_contain_text("Loading checkpoint-500: reading")
    expect(slow_page.locator("#picker-state")).to_contain_text("loading")
    with slow_page.expect_response(f"**/api/models/{SFT}/unload") as response:
        slow_page.get_by_role("button", name="Cancel: checkpoint-500").click()
    assert response.value.status == 200


def test_a_loaded_model_can_be_unloaded(page: Any, call: Callable[..., Any]) -> None:
    pick(page, "sft 500")
    expect(page.locator("#picker-state")).to_have_text("ready")
    expect(page.locator("#model-bar")).to_be_hidden()
    page.locator("#picker-button").click()
    expect(page.locator("#picker-residents")).to_contain_text("58.8 MB of 8.59 GB in use")
    page.get_by_role("button", name="Unload: checkpoint-500").click()
    expect(page.locator("#picker-residents")).to_be_hidden()
    expect(page.get_by_role("combobox")).to_be_focused()
    assert call(f"/api/models/{SFT}/status")["state"] == "unloaded"


def test_the_list_follows_what_others_load(page: Any, call: Callable[..., Any]) -> None:
    call(f"/api/models/{SFT}/load", {})
    page.locator("#picker-button").click()
    expect(page.get_by_role("option").filter(has_text=SFT)).to_contain_text("ready")


def test_the_picker_works_with_the_keyboard_alone(page: Any) -> None:
    button = page.locator("#picker-button")
    button.focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("combobox")
    expect(field).to_be_focused()
    active = page.locator(".option.is-active")
    expect(active).to_contain_text("pretrain/final.pt")
    page.keyboard.press("ArrowDown")
    expect(active).to_contain_text("pretrain/step-10000.pt")
    page.keyboard.press("End")
    expect(active).to_contain_text("broken/half.safetensors")
    page.keyboard.press("ArrowDown")
    expect(active).to_contain_text("pretrain/final.pt")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    expect(active).to_contain_text("pretrain/final.pt")
    assert field.get_attribute("aria-activedescendant") == active.get_attribute("id")
    page.keyboard.press("Escape")
    expect(page.locator("#picker")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("grpo")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#picker-name")).to_have_text("step-120")
    expect(page.locator("#picker")).to_be_hidden()


def test_a_filter_that_finds_nothing_says_so(page: Any) -> None:
    page.locator("#picker-button").click()
    page.get_by_role("combobox").fill("no such thing")
    expect(page.locator("#picker-count")).to_have_text("0 of 6 checkpoints")
    page.keyboard.press("Enter")
    expect(page.locator("#picker")).to_be_visible()


def test_an_empty_folder_says_how_to_add_a_checkpoint(page: Any) -> None:
    listing = {"models": [], "groups": [], "scan": {"at": 0, "seconds": 0, "skipped": []}, "default": None}
    listing |= {"memory": {"budget_bytes": 1, "used_bytes": 0}, "current": None}
    page.route("**/api/models*", lambda route: route.fulfill(json=listing))
    page.reload()
    expect(page.locator(".welcome-title")).to_have_text("No checkpoint yet")
    expect(page.locator("#welcome")).to_contain_text("GGUF")
    expect(page.get_by_role("button", name="Look again").first).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_attribute("placeholder", "Choose a checkpoint first")


def test_a_model_in_memory_is_switched_to_at_once(page: Any, call: Callable[..., Any]) -> None:
    call(f"/api/models/{SFT}/load", {})
    page.locator("#picker-button").click()
    page.locator("#picker-residents").get_by_role("button", name=re.compile("^checkpoint-500 ·")).click()
    expect(page.locator("#picker-name")).to_have_text("checkpoint-500")
    expect(page.locator("#picker-state")).to_have_text("ready")
    expect(page.locator("#picker")).to_be_hidden()
