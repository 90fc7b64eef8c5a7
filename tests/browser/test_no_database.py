"""A server whose database cannot be opened still has a page, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acts import ask
from tests.browser.serving import serving


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
    ask(page, "Hello")
    expect(page.get_by_role("alert")).to_contain_text("cannot be made")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Hello")
    assert failed == []
    context.close()
