"""The page and its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from jinja2 import DictLoader

from chat import create_app
from chat.assets import assets_in
from chat.settings import Settings
from engine import VERSION
from tests.chat.wire import refused
from tests.doubles import ScriptedEngine

MODULE = 'import { two } from "./two.js";\nexport const one = two - 1;'


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """An app with a made-up page and three files."""
    app = create_app(Settings(), ScriptedEngine())
    app.static_folder = str(tmp_path)
    app.jinja_loader = DictLoader(
        {"index.html": "Parley {{ version }} {{ asset('js/page.js') }} {{ modules('js/page.js')|join(' ') }}"}
    )
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "page.js").write_text(MODULE)
    (tmp_path / "js" / "two.js").write_text("export const two = 2;")
    (tmp_path / "page.css").write_text("body { margin: 0 }")
    return app


def test_the_page_gets_the_version_and_the_addresses_of_its_files(app: Flask):
    response = app.test_client().get("/")
    assert response.mimetype == "text/html"
    version = assets_in(Path(app.static_folder)).version
    address = f"/static/v-{version}/js/page.js"
    assert response.text == f"Parley {VERSION} {address} {address} /static/v-{version}/js/two.js"


def test_a_file_asked_for_with_its_version_is_kept_for_ever(app: Flask):
    version = assets_in(Path(app.static_folder)).version
    response = app.test_client().get(f"/static/v-{version}/js/page.js")
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.mimetype == "text/javascript"
    assert response.text == MODULE


@pytest.mark.parametrize("version", ["", "v-0000000000000000/"])
def test_a_file_asked_for_otherwise_is_asked_for_again(app: Flask, version: str):
    response = app.test_client().get(f"/static/{version}page.css")
    assert response.headers["Cache-Control"] == "no-cache"
    again = app.test_client().get(f"/static/{version}page.css", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_a_file_that_changed_since_is_not_kept_under_the_old_version(app: Flask):
    client, version = app.test_client(), assets_in(Path(app.static_folder)).version
    client.get("/")
    (Path(app.static_folder) / "page.css").write_text("body { margin: 11px }")
    changed = client.get(f"/static/v-{version}/page.css")
    assert changed.text == "body { margin: 11px }"
    assert changed.headers["Cache-Control"] == "no-cache"
    assert "immutable" in client.get(f"/static/v-{version}/js/page.js").headers["Cache-Control"]


@pytest.mark.parametrize("name", ["missing.js", "../settings.py", "js", "/etc/passwd"])
def test_nothing_outside_the_folder_is_served(app: Flask, name: str):
    assert refused(app.test_client().get("/static/" + name), 404)["code"] == "route_not_found"
