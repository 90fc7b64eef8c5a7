"""The parameters panel: what is set is sent, kept, and objected to at its field."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.acts import answered, ask, ready


def open_panel(page: Any) -> None:
    """Show the panel."""
    page.get_by_role("button", name="Parameters").first.click()


def act_on_presets(page: Any, name: str) -> None:
    """Choose something from the menu of presets."""
    page.get_by_role("button", name="More about presets").click()
    page.get_by_role("menuitem", name=name).click()


def test_nothing_is_sent_that_was_not_set(page: Any) -> None:
    with page.expect_request("**/api/conversations") as request:
        ask(page, "Hello")
    sent = request.value.post_data_json
    assert (sent["parameters"], sent["system"]) == ({}, None)


def test_what_is_set_is_sent_and_begins_the_next_conversation(page: Any) -> None:
    open_panel(page)
    page.get_by_label("Temperature", exact=True).fill("0.25")
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_label("Stop strings").fill("###\n\\n\\n")
    page.get_by_label("System prompt").fill("Be brief.")
    page.reload()
    ready(page)
    with page.expect_request("**/api/conversations") as request:
        ask(page, "Hello")
    sent = request.value.post_data_json
    assert sent["parameters"] == {"temperature": 0.25, "seed": 7, "stop": ["###", "\n\n"]}
    assert sent["system"] == "Be brief."


def test_each_conversation_has_its_own_parameters(page: Any, call: Callable[..., Any]) -> None:
    ask(page, "Hello")
    answered(page)
    open_panel(page)
    with page.expect_response(lambda response: response.request.method == "PATCH"):
        page.get_by_label("Temperature", exact=True).fill("0.25")
    (kept,) = call("/api/conversations")["conversations"]
    assert kept["parameters"] == {"temperature": 0.25}
    page.get_by_role("button", name="Reset all").click()
    expect(page.get_by_label("Temperature", exact=True)).to_have_value("")


def test_what_was_set_just_now_counts_for_the_question(page: Any) -> None:
    ask(page, "Hello")
    answered(page)
    open_panel(page)
    page.get_by_label("Max tokens", exact=True).fill("3")
    ask(page, "Again")
    answered(page)
    expect(page.locator(".facts").last).to_contain_text("reached the limit of 3 tokens")


def test_a_preset_sets_all_at_once(page: Any) -> None:
    open_panel(page)
    page.get_by_label("Preset", exact=True).select_option("Precise")
    expect(page.get_by_label("Temperature", exact=True)).to_have_value("0.2")
    page.get_by_label("Temperature", exact=True).fill("0.3")
    expect(page.get_by_label("Preset", exact=True).locator("option:checked")).to_have_text("Your own values")
    page.get_by_label("Preset", exact=True).select_option("The checkpoint's defaults")
    expect(page.get_by_label("Temperature", exact=True)).to_have_value("")


def test_a_preset_of_ones_own_is_kept_given_out_and_taken_back(page: Any, tmp_path: Path) -> None:
    open_panel(page)
    page.get_by_label("Seed", exact=True).fill("42")
    act_on_presets(page, "Save as a preset…")
    page.get_by_label("Name", exact=True).fill("Always the same")
    page.get_by_label("Only for this checkpoint").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Preset", exact=True).locator("option:checked")).to_have_text(
        "Always the same (this checkpoint)"
    )
    with page.expect_download() as download:
        act_on_presets(page, "Export your presets")
    file = tmp_path / "presets.json"
    download.value.save_as(file)
    act_on_presets(page, "Delete this preset")
    expect(page.get_by_label("Preset", exact=True).locator("option:checked")).to_have_text("Your own values")
    page.locator("#preset-file").set_input_files(file)
    expect(page.get_by_label("Preset", exact=True).locator("option:checked")).to_have_text(
        "Always the same (this checkpoint)"
    )


def test_the_slider_and_the_number_move_together(page: Any) -> None:
    open_panel(page)
    number = page.get_by_label("Top-k", exact=True)
    number.fill("120")
    slider = page.get_by_label("Top-k, slider")
    assert slider.input_value() == "120"
    slider.press("ArrowRight")
    expect(number).to_have_value("121")


def test_a_parameter_goes_back_to_the_default(page: Any) -> None:
    open_panel(page)
    number = page.get_by_label("Temperature", exact=True)
    number.fill("1.5")
    page.get_by_role("button", name="Temperature: back to the checkpoint's default").click()
    expect(number).to_have_value("")
    expect(number).to_have_attribute("placeholder", "0.7")


def test_the_servers_objection_stands_at_the_field(page: Any) -> None:
    open_panel(page)
    page.get_by_label("Temperature", exact=True).fill("-3")
    page.get_by_role("button", name="Close the parameters").click()
    ask(page, "Hello")
    field = page.get_by_label("Temperature", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#error-temperature")).to_have_text(re.compile("Temperature must be between 0 and 5, not -3"))
    expect(page.get_by_label("Message", exact=True)).to_have_value("Hello")
    field.fill("0.5")
    expect(page.locator("#error-temperature")).to_have_text("")


def test_an_answer_says_that_it_reached_its_limit(page: Any) -> None:
    open_panel(page)
    page.get_by_label("Max tokens", exact=True).fill("3")
    ask(page, "Hello")
    answered(page)
    expect(page.locator(".facts")).to_contain_text("reached the limit of 3 tokens")


def test_the_sheet_closes_with_escape_and_gives_the_focus_back(open_page: Any) -> None:
    page = open_page(viewport={"width": 800, "height": 700})
    button = page.get_by_role("button", name="Parameters")
    button.click()
    expect(page.get_by_role("dialog", name="Parameters")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Parameters")).to_be_hidden()
    expect(button).to_be_focused()
