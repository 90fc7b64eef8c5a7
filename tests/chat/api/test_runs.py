"""The live answers, seen and called off from outside."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.chat.wire import LiveServer, events, generate, read_event, read_until, refused
from tests.doubles import Script, ScriptedEngine


def test_a_live_answer_is_listed_with_its_conversation(server: LiveServer, engine: ScriptedEngine):
    engine.script = Script(token_seconds=60)
    client = server.app.test_client()
    with server.post("/api/generate", {"prompt": "x", "conversation_id": "mine"}) as connection:
        read_until(connection, b"event: start")
        (run,) = client.get("/api/runs").json["runs"]
        assert set(run) == {"run_id", "model", "conversation_id", "state", "created_at"}
        assert (run["model"], run["conversation_id"], run["state"]) == ("pretrain/final.pt", "mine", "running")


def test_cancelling_twice_is_the_same_as_once(server: LiveServer, engine: ScriptedEngine):
    engine.script = Script(token_seconds=60)
    client = server.app.test_client()
    with server.post("/api/generate", {"prompt": "x"}) as connection:
        read_until(connection, b"event: start")
        run_id = client.get("/api/runs").json["runs"][0]["run_id"]
        assert client.post(f"/api/runs/{run_id}/cancel").json["run_id"] == run_id
        assert read_event(connection, "done")["finish_reason"] == "cancelled"
    assert client.post(f"/api/runs/{run_id}/cancel").json == {"run_id": run_id, "state": "cancelled"}


def test_cancelling_what_has_ended_changes_nothing(client: FlaskClient):
    run_id = events(generate(client).data)[0].data["run_id"]
    assert client.post(f"/api/runs/{run_id}/cancel", json={}).json == {"run_id": run_id, "state": "done"}


def test_a_run_that_never_was_is_not_found(client: FlaskClient):
    assert refused(client.post("/api/runs/nothing/cancel"), 404)["code"] == "run_not_found"


def test_cancel_takes_no_fields(client: FlaskClient):
    assert refused(client.post("/api/runs/nothing/cancel", json={"now": True}), 400)["code"] == "unknown_field"


def test_clearing_a_conversation_ends_its_answers_and_no_others(server: LiveServer, engine: ScriptedEngine):
    engine.script = Script(token_seconds=60)
    mine = server.post("/api/generate", {"prompt": "x", "conversation_id": "mine"})
    other = server.post("/api/generate", {"prompt": "x", "conversation_id": "other"})
    for connection in (mine, other):
        read_until(connection, b"event: start")
    answer = server.app.test_client().post("/api/chat/clear", json={"conversation_id": "mine"}).json
    done = read_event(mine, "done")
    assert done["finish_reason"] == "cancelled"
    assert answer["conversation_id"] == "mine"
    assert answer["cancelled_runs"] == list(engine.cancelled_at)
    assert len(engine.cancelled_at) == 1
    mine.close()
    other.close()
