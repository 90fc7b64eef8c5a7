"""A server that asks who calls: the sign-in page, the link, signing out, and a page whose session has ended."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from chat.commands import users
from tests.browser.acts import ask, ready
from tests.browser.axe import found_by_axe
from tests.browser.serving import serving
from tests.chat.wire import wait_until

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its things; `ann` may sign in."""
    folder = tmp_path_factory.mktemp("closed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))
        assert users.run(["add", "ann", "--data-directory", str(folder / "data")]) == 0
    return folder


@pytest.fixture(scope="module")
def closed_url(browser: Any, folder: Path) -> Iterator[str]:
    """The address of that server; the browser that it opens writes down what it should show."""
    program = folder / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {folder}/opened.part && mv {folder}/opened.part {folder}/opened\n')
    program.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROWSER", str(program))
        with serving("tests.serve_double", folder, "--open") as address:
            yield address


@pytest.fixture
def visitor(browser: Any) -> Iterator[Any]:
    """A browser without cookies; no script may fail."""
    context, failed = browser.new_context(), []
    page = context.new_page()
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield page
    context.close()
    assert failed == []


def sign_in(page: Any, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_one_signs_in_talks_and_signs_out(visitor: Any, closed_url: str) -> None:
    visitor.goto(closed_url + "/playground")
    expect(visitor).to_have_url(re.compile(r"/login\?next=/playground$"))
    assert found_by_axe(visitor) == []
    sign_in(visitor, "wrong password")
    expect(visitor.get_by_role("alert")).to_have_text("Name or password is wrong.")
    sign_in(visitor)
    expect(visitor).to_have_url(closed_url + "/playground")
    visitor.goto(closed_url + "/?model=sft/checkpoint-500")
    ready(visitor)
    ask(visitor, "Hello")
    expect(visitor.locator(".message").last).to_contain_text("checkpoint")
    visitor.get_by_role("button", name=re.compile("Sign out")).click()
    expect(visitor).to_have_url(closed_url + "/login")
    visitor.goto(closed_url)
    expect(visitor).to_have_url(re.compile("/login"))


def test_the_printed_link_signs_in_and_leaves_no_token_in_the_address(visitor: Any, closed_url: str, folder: Path):
    printed = re.search(r"http://\S+/login#token=\S+", (folder / "log").read_text("utf-8"))
    assert printed is not None
    visitor.goto(printed[0])
    expect(visitor).to_have_url(closed_url + "/")
    expect(visitor.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_browser_that_the_server_opens_is_signed_in_and_its_address_holds_no_token(
    visitor: Any, closed_url: str, folder: Path
):
    wait_until((folder / "opened").exists)
    opened = (folder / "opened").read_text("utf-8")
    assert "token" not in opened
    visitor.goto(opened)
    expect(visitor).to_have_url(closed_url + "/", timeout=30_000)  # Three pages come by before it.
    expect(visitor.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_link_of_another_start_says_so(visitor: Any, closed_url: str) -> None:
    visitor.goto(f"{closed_url}/login#token={'x' * 43}")
    expect(visitor.get_by_role("alert")).to_contain_text("This link is not valid any more.")
    expect(visitor).to_have_url(closed_url + "/login")


def test_a_page_whose_session_has_ended_says_to_sign_in_again(visitor: Any, closed_url: str) -> None:
    visitor.goto(closed_url + "/login?next=/%3Fmodel%3Dsft/checkpoint-500")
    sign_in(visitor)
    ready(visitor)
    visitor.context.clear_cookies()
    ask(visitor, "Hello")
    expect(visitor.get_by_text("Reload the page to sign in again").first).to_be_visible()
    visitor.reload()
    expect(visitor).to_have_url(re.compile("/login"))
