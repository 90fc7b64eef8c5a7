"""The app over a scripted engine, and a client of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chat import create_app
from chat.settings import Settings
from tests.chat.wire import LiveServer, live
from tests.doubles import ScriptedEngine


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    """An engine that answers at once."""
    engine = ScriptedEngine()
    yield engine
    engine.close()


@pytest.fixture
def app(engine: ScriptedEngine, tmp_path: Path) -> Iterator[Flask]:
    """The app over that engine, with two places for answers and a free port."""
    app = create_app(Settings(port=0, max_streams=2, data_directory=tmp_path / "data"), engine)
    yield app
    app.extensions["parley"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who talks to the app without a socket."""
    return app.test_client()


@pytest.fixture
def server(app: Flask) -> Iterator[LiveServer]:
    """The app behind a real socket."""
    with live(app) as server:
        yield server


@pytest.fixture
def client_of(tmp_path: Path) -> Callable[[ScriptedEngine], FlaskClient]:
    """A client of an app over another engine."""
    return lambda engine: create_app(Settings(data_directory=tmp_path / "data"), engine).test_client()
