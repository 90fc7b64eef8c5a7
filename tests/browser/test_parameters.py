"""The parameters panel: what is set is sent, kept, and objected to at its field."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.acts import answered, ask


def open_panel(page: Any) -> None:
    """Show the panel."""
    page.get_by_role("button", name="Parameters").first.click()


def test_nothing_is_sent_that_was_not_set(page: Any) -> None:
    with page.expect_request("**/api/generate") as request:
        ask(page, "Hello")
    assert sorted(request.value.post_data_json) == ["messages", "model", "stream"]


def test_what_is_set_is_sent_and_survives_a_reload(page: Any) -> None:
    open_panel(page)
    page.get_by_label("Temperature", exact=True).fill("0.25")
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_label("Stop strings").fill("###\n\\n\\n")
    page.get_by_label("System prompt").fill("Be brief.")
    page.reload()
    with page.expect_request("**/api/generate") as request:
        ask(page, "Hello")
    sent = request.value.post_data_json
    assert (sent["temperature"], sent["seed"], sent["stop"]) == (0.25, 7, ["###", "\n\n"])
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}


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
    expect(page.locator("#error-temperature")).to_have_text("temperature must be between 0 and 5, not -3.0")
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
