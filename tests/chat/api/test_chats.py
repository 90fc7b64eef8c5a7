"""POST /api/chat/clear where nothing is stored."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.chat.wire import refused


def test_clearing_without_an_id_gives_a_new_one(client: FlaskClient):
    first, second = (client.post("/api/chat/clear").json for _ in range(2))
    assert first["cancelled_runs"] == []
    assert first["conversation_id"] != second["conversation_id"]


def test_clearing_an_idle_conversation_cancels_nothing(client: FlaskClient):
    answer = client.post("/api/chat/clear", json={"conversation_id": "mine"}).json
    assert answer == {"conversation_id": "mine", "cancelled_runs": []}


def test_an_id_is_a_text(client: FlaskClient):
    assert refused(client.post("/api/chat/clear", json={"conversation_id": 5}), 400)["code"] == "wrong_type"
