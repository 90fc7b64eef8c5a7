"""The page and its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from jinja2 import DictLoader

from chat import create_app
from chat.pages import asset
from chat.settings import Settings
from engine import VERSION
from tests.chat.wire import refused
from tests.doubles import ScriptedEngine


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """An app with a made-up page and two files."""
    app = create_app(Settings(), ScriptedEngine())
    app.static_folder = str(tmp_path)
    app.jinja_loader = DictLoader({"index.html": "Parley {{ version }} {{ asset('js/page.js') }}"})
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "page.js").write_text("export const one = 1;")
    (tmp_path / "page.css").write_text("body { margin: 0 }")
    return app


def test_the_page_gets_the_version_and_the_addresses_of_its_files(app: Flask):
    response = app.test_client().get("/")
    assert response.mimetype == "text/html"
    assert response.text.startswith(f"Parley {VERSION} /static/js/page.js?v=")


def test_a_file_asked_for_by_its_hash_is_kept_for_ever(app: Flask):
    with app.test_request_context():
        address = asset("js/page.js")
    response = app.test_client().get(address)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.mimetype == "text/javascript"
    assert response.text == "export const one = 1;"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0000000000000000"])
def test_a_file_asked_for_otherwise_is_asked_for_again(app: Flask, query: str):
    response = app.test_client().get("/static/page.css" + query)
    assert response.headers["Cache-Control"] == "no-cache"
    again = app.test_client().get("/static/page.css", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_a_file_that_changes_changes_its_address(app: Flask):
    with app.test_request_context():
        before = asset("page.css")
        (Path(app.static_folder) / "page.css").write_text("body { margin: 1px }")
        assert asset("page.css") != before


def test_a_page_that_names_a_missing_file_is_an_error(app: Flask):
    with app.test_request_context(), pytest.raises(FileNotFoundError):
        asset("missing.css")


@pytest.mark.parametrize("name", ["missing.js", "../settings.py", "js", "/etc/passwd"])
def test_nothing_outside_the_folder_is_served(app: Flask, name: str):
    assert refused(app.test_client().get("/static/" + name), 404)["code"] == "route_not_found"
