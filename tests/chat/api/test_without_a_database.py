"""Where there is no database to be had, everything that needs none works, and the rest says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chat import create_app
from chat.settings import Settings
from tests.chat.talk import conversation
from tests.chat.wire import events, generate, refused
from tests.doubles import ANSWER, ScriptedEngine


@pytest.fixture
def poor(tmp_path: Path, engine: ScriptedEngine) -> Iterator[FlaskClient]:
    """A client of a server whose folder for data is a file."""
    (tmp_path / "occupied").write_text("a file")
    app = create_app(Settings(port=0, data_directory=tmp_path / "occupied"), engine)
    yield app.test_client()
    app.extensions["parley"].close()


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/api/conversations"),
        ("POST", "/api/conversations"),
        ("GET", "/api/presets"),
        ("POST", "/api/chat/clear"),
        ("POST", "/api/messages/x/regenerate"),
    ],
)
def test_what_needs_one_says_what_is_wrong_and_what_to_do(poor: FlaskClient, method: str, address: str):
    response = poor.open(address, method=method)
    error = refused(response, 503)
    assert (error["type"], error["code"]) == ("server_error", "database_unreadable")
    assert "--data-directory" in error["hint"]
    assert response.headers["Retry-After"]


def test_what_needs_none_works(poor: FlaskClient):
    with generate(poor) as answer:
        assert events(answer.data)[-1].data["text"] == ANSWER
    assert poor.get("/api/models").status_code == 200
    assert poor.get("/").status_code == 200
    assert poor.get("/api/runs").json["runs"] == []


def test_it_works_as_soon_as_there_is_one(poor: FlaskClient, tmp_path: Path):
    refused(poor.get("/api/conversations"), 503)
    (tmp_path / "occupied").unlink()
    assert conversation(poor)
