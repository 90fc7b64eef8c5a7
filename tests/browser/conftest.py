"""A real browser over the real server with a scripted engine: the address, and a page that minds its manners."""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.acts import PATIENCE_SECONDS, ready
from tests.browser.serving import serving

REFUSED = """addEventListener("securitypolicyviolation", ({ violatedDirective }) => {
  console.error("refused", violatedDirective);
});"""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    path = chromium()
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is needed to drive the browser")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def server_url(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose engine follows a script; it listens on a port that was free."""
    pace = ["--token-seconds", "0.03", "--load-seconds", "1"]
    with serving("tests.serve_double", tmp_path_factory.mktemp("server"), *pace) as address:
        yield address


@pytest.fixture
def call(server_url: str) -> Callable[..., Any]:
    """Ask the server itself: `call("/api/models")`, or with a body to POST, or by another method."""

    def ask(path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(server_url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.load(response)

    return ask


@pytest.fixture(autouse=True)
def patient() -> None:
    """What is expected may take long: other tests want the same processors."""
    expect = pytest.importorskip("playwright.sync_api").expect
    expect.set_options(timeout=1000 * PATIENCE_SECONDS)


@pytest.fixture(autouse=True)
def nothing_loaded(call: Callable[..., Any]) -> None:
    """Begin with every model unloaded and nothing said, whatever the last test did."""
    for archived in ("0", "1"):
        for conversation in call(f"/api/conversations?archived={archived}&limit=200")["conversations"]:
            call(f"/api/conversations/{conversation['id']}", method="DELETE")
    for preset in call("/api/presets")["presets"]:
        if not preset["built_in"]:
            call(f"/api/presets/{quote(preset['name'])}?model={quote(preset['model'] or '')}", method="DELETE")
    for model in call("/api/models")["models"]:
        if model["status"]["state"] != "unloaded":
            call(f"/api/models/{model['id']}/unload", {"force": True})


@pytest.fixture
def open_page(browser: Any, server_url: str) -> Iterator[Callable[..., Any]]:
    """Open the page with a context's options; none of its scripts may fail and nothing may leave this machine."""
    contexts, complaints = [], []

    def open_one(path: str = "/", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(1000 * PATIENCE_SECONDS)
        contexts.append(context)
        context.route(lambda address: not address.startswith(server_url), lambda route: _refuse(route, complaints))
        page = context.new_page()
        page.add_init_script(REFUSED)
        page.on("pageerror", lambda error: complaints.append(f"a script failed: {error}"))
        page.on("console", lambda message: _listen(message, complaints))
        page.goto(server_url + path)
        ready(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: Callable[..., Any]) -> Any:
    """The page on a desktop, in light colours."""
    return open_page(color_scheme="light")


@pytest.fixture
def chat(open_page: Callable[..., Any]) -> Any:
    """The page with a checkpoint that has learned to answer."""
    return open_page("/?model=sft/checkpoint-500", color_scheme="light")


def chromium() -> str:
    """Where it is; the one without windows first, for it opens a page in half the time."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    candidates = [os.environ.get("PARLEY_CHROMIUM"), *map(shutil.which, names)]
    found = next((path for path in candidates if path and Path(path).is_file()), None)
    if found:
        return found
    reason = "no Chromium: install it, or name it in PARLEY_CHROMIUM"
    return pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def _refuse(route: Any, complaints: list[str]) -> None:
    complaints.append(f"a request to another host: {route.request.url}")
    route.abort()


def _listen(message: Any, complaints: list[str]) -> None:
    """Keep what the console calls an error, but for the browser's own line about a request that did not succeed."""
    if message.type == "error" and not message.text.startswith("Failed to load resource"):
        complaints.append(f"the console says: {message.text}")
