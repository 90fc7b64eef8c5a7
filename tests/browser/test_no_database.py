"""A server whose database cannot be opened still has a page, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import answered, ask, last_answer, ready
from tests.browser.serving import serving
from tests.doubles import ANSWER


@pytest.fixture(scope="module")
def broken_url(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose data folder is a file."""
    folder = tmp_path_factory.mktemp("broken")
    Path(folder / "data").write_text("in the way")
    with serving("tests.serve_double", folder) as address:
        yield address


def test_the_page_says_that_nothing_can_be_kept_and_what_still_works(browser: Any, broken_url: str) -> None:
    context = browser.new_context()
    page, failed = context.new_page(), []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(broken_url)
    note = page.locator("#library-note")
    expect(note).to_contain_text("Conversations cannot be kept now.")
    expect(note).to_contain_text("cannot be made")
    expect(note.get_by_role("link", name="The playground works without them.")).to_be_visible()
    ready(page)
    ask(page, "Hello")
    expect(page.get_by_role("alert")).to_contain_text("cannot be made")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Hello")
    assert failed == []
    context.close()


def test_one_may_talk_without_a_database_and_is_told_that_nothing_is_kept(browser: Any, broken_url: str) -> None:
    context = browser.new_context()
    page, failed = context.new_page(), []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(broken_url + "/?model=sft/checkpoint-500")
    ready(page)
    ask(page, "Hello")
    expect(page.get_by_text("Nothing of this conversation is kept")).to_be_hidden()
    page.get_by_role("alert").get_by_role("button", name="Chat without keeping it").click()
    expect(last_answer(page)).to_have_text(ANSWER)
    answered(page)
    expect(page.get_by_text("Nothing of this conversation is kept: it ends with this page.")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("22 tokens")
    with page.expect_request("**/api/generate") as sent:
        ask(page, "/long story")
    said = [message["content"] for message in sent.value.post_data_json["messages"]]
    assert said == ["Hello", ANSWER, "/long story"]
    expect(last_answer(page)).to_contain_text("photograph")
    page.get_by_role("button", name="Stop").click()
    answered(page)
    expect(page.locator(".facts").last).to_contain_text("stopped by you")
    page.get_by_role("button", name="Regenerate").first.click()
    answered(page)
    expect(page.locator(".message")).to_have_count(2)
    expect(last_answer(page)).to_have_text(ANSWER)
    page.locator("#new-chat").click()
    expect(page.locator(".message")).to_have_count(0)
    expect(page.get_by_text("Nothing of this conversation is kept")).to_be_hidden()
    assert failed == []
    context.close()
