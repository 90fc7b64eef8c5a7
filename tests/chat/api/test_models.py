"""The checkpoint browser: list, look at, load, unload, follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from engine import CheckpointProblem
from engine.catalog.info import Problem
from engine.status import CheckpointChanged
from tests.chat.wire import LiveServer, events, post_request, read_event, read_to_end, read_until, refused, wait_until
from tests.doubles import Script, ScriptedEngine
from tests.made_up_checkpoints import CHECKPOINTS

MODEL_FIELDS = {
    "id", "name", "group", "run", "format", "family", "architecture", "parameters", "dtype", "size_bytes",
    "weights_bytes", "context_length", "vocab_size", "step", "epoch", "loss", "stage", "parent", "modified_at",
    "tokenizer", "chat_template", "evidence", "memory", "status", "problem",
}  # fmt: skip
STATUS_FIELDS = {
    "id", "state", "progress", "error", "loaded_at", "last_used_at", "running", "waiting", "memory_bytes",
    "precision", "device", "pid",
}  # fmt: skip


def load_and_wait(client: FlaskClient, engine: ScriptedEngine, checkpoint_id: str) -> None:
    assert client.post(f"/api/models/{checkpoint_id}/load").status_code == 202
    engine.wait_until_loaded(checkpoint_id)


def test_the_list_shows_every_checkpoint_with_every_promised_field(client: FlaskClient):
    listing = client.get("/api/models").json
    assert [model["id"] for model in listing["models"]] == [checkpoint.id for checkpoint in CHECKPOINTS]
    assert all(set(model) >= MODEL_FIELDS and set(model["status"]) >= STATUS_FIELDS for model in listing["models"])
    assert listing["groups"][:3] == ["Pretrained", "SFT", "RL"]
    assert set(listing["scan"]) == {"at", "seconds", "skipped"}
    assert set(listing["memory"]) == {"budget_bytes", "used_bytes"}
    assert (listing["default"], listing["current"]) == ("pretrain/final.pt", None)


def test_a_model_tells_its_loss_memory_and_evidence(client: FlaskClient):
    model = client.get("/api/models").json["models"][0]
    assert model["loss"] == {"kind": "validation", "value": 3.214}
    assert set(model["memory"]) == {"weights_bytes", "kv_bytes_per_token", "total_bytes", "fits"}
    assert model["evidence"]["step"] == "the key iter_num"


def test_a_checkpoint_with_a_problem_is_listed_with_its_reason(client: FlaskClient):
    broken = client.get("/api/models").json["models"][-1]
    assert set(broken["problem"]) == {"code", "message", "hint"}
    assert broken["problem"]["code"] == "file_truncated"


def test_an_unchanged_list_is_not_sent_twice(client: FlaskClient, engine: ScriptedEngine):
    tag = client.get("/api/models").headers["ETag"]
    again = client.get("/api/models?rescan=1", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    load_and_wait(client, engine, "sft/checkpoint-500")
    changed = client.get("/api/models", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.json["current"] == "sft/checkpoint-500"


def test_a_rescan_happens_only_when_asked_for(client: FlaskClient):
    first = client.get("/api/models").json["scan"]["at"]
    assert client.get("/api/models").json["scan"]["at"] == first
    assert client.get("/api/models?rescan=1").json["scan"]["at"] > first


def test_one_checkpoint_shows_its_files_config_and_template(client: FlaskClient):
    model = client.get("/api/models/sft/checkpoint-500").json
    assert set(model) >= MODEL_FIELDS | {"files", "config", "template", "metrics"}
    assert model["config"] == {"model_type": "llama"}
    assert "messages" in model["template"]


@pytest.mark.parametrize("route", ["{}", "{}/status"])
@pytest.mark.parametrize("name", ["nothing", "../etc/passwd", "pretrain/../pretrain/final.pt", "%2e%2e/secret"])
def test_an_id_is_looked_up_and_never_a_path(client: FlaskClient, route: str, name: str):
    assert refused(client.get("/api/models/" + route.format(name)), 404)["code"] == "model_not_found"


@pytest.mark.parametrize("action", ["load", "unload"])
def test_an_unknown_checkpoint_is_neither_loaded_nor_unloaded(client: FlaskClient, action: str):
    assert refused(client.post(f"/api/models/../secret/{action}"), 404)["code"] == "model_not_found"


def test_an_absolute_path_is_no_id(server: LiveServer):
    answer = server.ask(b"GET /api/models//etc/passwd HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert b" 404 " in answer.split(b"\r\n")[0]


def test_an_id_with_dots_and_slashes_reaches_every_route(client: FlaskClient, engine: ScriptedEngine):
    name = "/api/models/somebody-135m/Somebody-135M.Q4_1.gguf"
    assert client.get(name).json["format"] == "gguf"
    assert client.get(name + "/status").json["state"] == "unloaded"
    assert client.post(name + "/load").status_code == 202
    engine.wait_until_loaded("somebody-135m/Somebody-135M.Q4_1.gguf")
    assert client.get(name + "/status").json["state"] == "ready"
    freed = client.post(name + "/unload").json
    assert freed == {"id": "somebody-135m/Somebody-135M.Q4_1.gguf", "state": "unloaded", "freed_bytes": 97_000_000}


def test_load_answers_at_once_with_the_state(client_of: Callable[[ScriptedEngine], FlaskClient]):
    response = client_of(ScriptedEngine(load_seconds=5)).post("/api/models/pretrain/final.pt/load", json={})
    assert response.status_code == 202
    assert set(response.json) >= STATUS_FIELDS
    assert response.json["state"] == "loading"
    assert set(response.json["progress"]) == {"stage", "fraction"}


def test_load_passes_its_options_on(client: FlaskClient, engine: ScriptedEngine):
    wanted = {"precision": "float32", "pinned": True, "context_length": 512}
    client.post("/api/models/pretrain/final.pt/load", json=wanted)
    status = engine.wait_until_loaded("pretrain/final.pt")
    assert (status.precision, status.pinned) == ("float32", True)


def test_a_model_is_pinned_until_it_is_said_otherwise(client: FlaskClient, engine: ScriptedEngine):
    client.post("/api/models/pretrain/final.pt/load", json={"pinned": True})
    engine.wait_until_loaded("pretrain/final.pt")
    assert client.post("/api/models/pretrain/final.pt/load", json={}).json["pinned"]
    assert not client.post("/api/models/pretrain/final.pt/load", json={"pinned": False}).json["pinned"]


def test_a_followed_load_tells_its_progress_up_to_ready(client_of: Callable[[ScriptedEngine], FlaskClient]):
    client = client_of(ScriptedEngine(load_seconds=0.2))
    response = client.post("/api/models/pretrain/final.pt/load", headers={"Accept": "text/event-stream"})
    heard = events(response.data)
    assert {event.name for event in heard[:-1]} == {"progress"}
    fractions = [event.data["progress"]["fraction"] for event in heard[:-1]]
    assert fractions == sorted(fractions)
    assert (heard[-1].name, heard[-1].data["state"]) == ("ready", "ready")


def test_following_a_model_that_is_loaded_says_ready(client: FlaskClient, engine: ScriptedEngine):
    load_and_wait(client, engine, "pretrain/final.pt")
    response = client.post("/api/models/pretrain/final.pt/load", headers={"Accept": "text/event-stream"})
    assert [event.name for event in events(response.data)] == ["ready"]


def test_a_followed_load_that_fails_says_why(client_of: Callable[[ScriptedEngine], FlaskClient]):
    short = CheckpointProblem("needs 9 GB of 8 GB", code="not_enough_memory", hint="Unload another model.")
    engine = ScriptedEngine(load_seconds=0.1, load_error=short)
    client = client_of(engine)
    response = client.post("/api/models/pretrain/final.pt/load", headers={"Accept": "text/event-stream"})
    last = events(response.data)[-1]
    assert (last.name, last.data["error"]["code"]) == ("error", "not_enough_memory")
    status = client.get("/api/models/pretrain/final.pt/status").json
    assert status["state"] == "failed"
    assert status["error"]["hint"] == "Unload another model."


def test_a_followed_load_that_is_called_off_says_so(server: LiveServer, engine: ScriptedEngine):
    engine.load_seconds = 60
    request = post_request("/api/models/pretrain/final.pt/load", {}).replace(
        b"\r\n", b"\r\nAccept: text/event-stream\r\n", 1
    )
    with server.open(request) as connection:
        read_until(connection, b"event: progress")
        engine.unload("pretrain/final.pt")
        heard = read_to_end(connection)
    assert heard.count(b"event: error") == 1
    assert b"load_cancelled" in heard


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_a_checkpoint_with_a_problem_is_not_loaded(client: FlaskClient, accept: str):
    response = client.post("/api/models/broken/half.safetensors/load", headers={"Accept": accept})
    assert refused(response, 422)["code"] == "file_truncated"
    assert client.application.extensions["parley"].streams.taken == 0


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"precision": "float8"}, "out_of_range", "precision"),
        ({"precision": 8}, "out_of_range", "precision"),
        ({"context_length": 0}, "out_of_range", "context_length"),
        ({"pinned": "yes"}, "wrong_type", "pinned"),
        ({"devices": "cpu"}, "unknown_field", "devices"),
    ],
)
def test_a_wrong_wish_for_a_load_is_refused_by_name(client: FlaskClient, body: dict, code: str, param: str):
    error = refused(client.post("/api/models/pretrain/final.pt/load", json=body), 400)
    assert (error["code"], error["param"]) == (code, param)


def test_a_misspelt_field_gets_a_suggestion(client: FlaskClient):
    error = refused(client.post("/api/models/pretrain/final.pt/load", json={"precison": "int8"}), 400)
    assert error["hint"] == "Did you mean precision?"


def test_a_model_that_answers_is_unloaded_only_by_force(server: LiveServer, engine: ScriptedEngine):
    engine.script = Script(token_seconds=60)
    path = "/api/models/pretrain/final.pt/unload"
    with server.post("/api/generate", {"prompt": "x"}) as connection:
        read_until(connection, b"event: start")
        refusal = server.ask(post_request(path, {}))
        assert refusal.startswith(b"HTTP/1.1 409 ")
        assert b"model_busy" in refusal
        assert server.ask(post_request(path, {"force": True})).startswith(b"HTTP/1.1 200 ")
        assert b'"finish_reason":"cancelled"' in read_to_end(connection)


def test_the_event_stream_begins_with_the_loaded_models_and_tells_every_change(
    server: LiveServer, engine: ScriptedEngine
):
    engine.load("sft/checkpoint-500")
    engine.wait_until_loaded("sft/checkpoint-500")
    with server.open(b"GET /api/models/events HTTP/1.0\r\nHost: localhost\r\n\r\n") as connection:
        first = read_event(connection, "status")
        assert (first["id"], first["state"]) == ("sft/checkpoint-500", "ready")
        engine.appear(replace(CHECKPOINTS[0], id="new.pt"))
        assert read_event(connection, "appeared")["id"] == "new.pt"
        engine._publish(CheckpointChanged(replace(CHECKPOINTS[0], problem=Problem("file_truncated", "cut"))))
        assert read_event(connection, "changed")["problem"]["code"] == "file_truncated"
        engine.vanish("new.pt")
        assert read_event(connection, "gone") == {"type": "gone", "id": "new.pt"}
    wait_until(lambda: engine.subscriptions == set())
    wait_until(lambda: server.app.extensions["parley"].streams.taken == 0)


def test_a_look_at_the_headers_of_the_event_stream_takes_no_place(client: FlaskClient, engine: ScriptedEngine):
    assert client.head("/api/models/events").status_code == 200
    assert client.application.extensions["parley"].streams.taken == 0
    assert engine.subscriptions == set()
