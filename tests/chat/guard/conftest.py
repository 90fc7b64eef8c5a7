"""A server that asks who calls: two accounts, and keys of each scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from chat import create_app, secret
from chat.access import Access
from chat.settings import Settings
from chat.store.opening import Store, StoreDoor
from tests.doubles import ScriptedEngine

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Closed:
    """Such a server, and what opens it."""

    app: Flask
    store: Store
    chat_key: str
    admin_key: str
    engine: ScriptedEngine

    @property
    def access(self) -> Access:
        """Its doorkeeper."""
        return self.app.extensions["parley"].access

    def client(self, key: str | None = None) -> FlaskClient:
        """A client that shows this key, or nothing."""
        client = self.app.test_client()
        if key is not None:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

    def signed_in(self, name: str) -> FlaskClient:
        """A browser in which somebody has signed in."""
        client = self.app.test_client()
        assert client.post("/api/session", json={"name": name, "password": PASSWORD}).status_code == 200
        return client


@pytest.fixture
def closed_with(tmp_path: Path) -> Iterator[Callable[..., Closed]]:
    """Makes one with further settings; `ann` may chat, `root` is an administrator."""
    made: list[Closed] = []

    def closed_with(**further: object) -> Closed:
        settings = Settings(port=0, data_directory=tmp_path / "data", **further)
        store = StoreDoor(settings.database).open()
        kept = secret.read_or_make_secret(settings.secret)
        # Cheaper than the real ones, so that the tests are quick.
        password = generate_password_hash(PASSWORD, method="scrypt:1024:8:1")
        store.accounts.add("ann", password, is_admin=False)
        store.accounts.add("root", password, is_admin=True)
        keys = {"chat": secret.new_key(), "admin": secret.new_key()}
        for scope, key in keys.items():
            store.keys.add(scope, secret.digest(kept, key), is_admin=scope == "admin", account_id=None)
        engine = ScriptedEngine()
        app = create_app(settings, engine)
        made.append(Closed(app, store, keys["chat"], keys["admin"], engine))
        return made[-1]

    yield closed_with
    for each in made:
        each.app.extensions["parley"].close()
        each.store.database.close()


@pytest.fixture
def closed(closed_with: Callable[..., Closed]) -> Closed:
    """One with nothing else set."""
    return closed_with()
