"""The routes of training runs, over logs that trainers might have left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chat import create_app
from chat.settings import Settings
from chat.store.records import NewMessage
from tests.chat.wire import live, read_event
from tests.doubles import ScriptedEngine
from training import runs
from training.control import read_orders
from training.events import TrainingEmitter
from training.run_writer import RunWriter


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(runs, "SECONDS_BETWEEN_SEARCHES", 0.0)


@pytest.fixture
def emitter() -> TrainingEmitter:
    return TrainingEmitter()


@pytest.fixture
def demo(tmp_path: Path, emitter: TrainingEmitter) -> Iterator[RunWriter]:
    """A run that goes on: ten steps, one loss on held-out data, two orders that it takes."""
    with RunWriter(tmp_path / "runs" / "mine" / "demo", emitter, config={"layers": 2, "odd": float("nan")}) as writer:
        writer.control("pause", "resume", "scale_lr")
        emitter.emit("training_start", total_steps=100)
        for step in range(1, 11):
            emitter.emit("batch_end", batch_idx=step, step=step, loss=3.0 - step / 10, lr=0.1, tokens=step * 64)
        emitter.emit("metric_update", step=10, val_loss=2.5)
        emitter.emit("checkpoint_saved", checkpoint_path="somewhere/step-10.pt", step=10)
        yield writer


@pytest.fixture
def app(tmp_path: Path, demo: RunWriter) -> Iterator[Flask]:
    engine = ScriptedEngine()
    settings = Settings(
        port=0, max_streams=2, data_directory=tmp_path / "data", checkpoints=tmp_path / "checkpoints",
        runs_directory=tmp_path / "runs",
    )  # fmt: skip
    app = create_app(settings, engine)
    yield app
    app.extensions["parley"].close()
    engine.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_a_run_is_listed_with_what_it_does(client: FlaskClient) -> None:
    (run,) = client.get("/api/training/runs").json["runs"]
    assert (run["id"], run["name"], run["state"]) == ("mine/demo", "demo", "running")
    assert (run["step"], run["total_steps"], run["progress"]) == (10, 100, 0.1)
    assert run["losses"] == {"train": 2.0, "validation": 2.5, "best_validation": 2.5, "best_validation_step": 10}
    assert run["controls"] == ["pause", "scale_lr"]
    assert run["learning_rate"] == 0.1
    assert {"name": "val_loss", "kind": "validation_loss"} in run["metrics"]


def test_the_list_is_told_again_only_when_it_changed(client: FlaskClient, emitter: TrainingEmitter) -> None:
    tag = client.get("/api/training/runs").headers["ETag"]
    assert client.get("/api/training/runs", headers={"If-None-Match": tag}).status_code == 304
    emitter.emit("batch_end", step=11, loss=1.5)
    assert client.get("/api/training/runs", headers={"If-None-Match": tag}).status_code == 200


def test_the_curves_have_the_numbers_that_were_written(client: FlaskClient) -> None:
    told = client.get("/api/training/runs/mine/demo/series?names=loss,val_loss").json
    by_name = {one["name"]: one for one in told["series"]}
    assert by_name["loss"]["points"][0] == [1.0, 2.9, 2.9, 2.9]
    assert len(by_name["loss"]["points"]) == 10
    assert by_name["val_loss"]["kind"] == "validation_loss"
    assert [(mark["kind"], mark["x"]) for mark in told["marks"]] == [("start", None), ("checkpoint", 10)]
    tokens = client.get("/api/training/runs/mine/demo/series?names=loss&x=tokens&points=5").json["series"][0]
    assert [point[0] for point in tokens["points"]] == [128.0, 256.0, 384.0, 512.0, 640.0]


def test_a_part_of_the_axis_can_be_asked_for(client: FlaskClient) -> None:
    told = client.get("/api/training/runs/mine/demo/series?names=loss&from=3&to=5").json["series"][0]
    assert [point[0] for point in told["points"]] == [3.0, 4.0, 5.0]


def test_the_settings_hold_nothing_that_json_has_not(client: FlaskClient) -> None:
    assert client.get("/api/training/runs/mine/demo/config").json == {"config": {"layers": 2, "odd": "NaN"}}


def test_the_log_is_read_in_pieces(client: FlaskClient) -> None:
    first = client.get("/api/training/runs/mine/demo/log").json
    assert first["end"]
    assert first["next_offset"] == first["size"]
    assert first["text"].startswith('{"event": "writer_start"') or "writer_start" in first["text"]
    last = client.get("/api/training/runs/mine/demo/log?offset=-20").json
    assert first["text"].endswith(last["text"])
    assert len(last["text"]) == 20
    assert client.get("/api/training/runs/mine/demo/log?offset=999999").json["text"] == ""


def test_an_order_lies_in_the_runs_folder(client: FlaskClient, demo: RunWriter) -> None:
    told = client.post("/api/training/runs/mine/demo/control", json={"act": "scale_lr", "value": 0.5})
    assert told.status_code == 202
    assert told.json["order"]["number"] == 1
    assert [(one.act, one.value) for one in read_orders(demo.run_dir / "control.json")] == [("scale_lr", 0.5)]


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"act": "fly"}, 400, "out_of_range"),
        ({"act": "stop"}, 409, "not_steerable"),
        ({"act": "resume"}, 409, "not_steerable"),
        ({"act": "pause", "value": 2.0}, 400, None),
        ({"act": "scale_lr"}, 400, None),
        ({"act": "scale_lr", "value": 0.0}, 400, "out_of_range"),
        ({"act": "pause", "path": "/"}, 400, "unknown_field"),
    ],
)
def test_an_order_that_cannot_be_is_refused(
    client: FlaskClient, demo: RunWriter, order: dict, status: int, code: str | None
) -> None:
    refused = client.post("/api/training/runs/mine/demo/control", json=order)
    assert refused.status_code == status
    assert code in (None, refused.json["error"]["code"])
    assert not (demo.run_dir / "control.json").exists()


@pytest.mark.parametrize("what", ["", "/series", "/log", "/config", "/chats"])
@pytest.mark.parametrize("run_id", ["nobody", "../data", "..", "mine", "mine/demo/events.jsonl", "%00"])
def test_an_id_that_is_no_run_is_not_found(client: FlaskClient, run_id: str, what: str) -> None:
    missing = client.get(f"/api/training/runs/{run_id}{what}")
    assert missing.status_code == 404
    assert missing.json["error"]["code"] in ("training_run_not_found", "route_not_found")


@pytest.mark.parametrize("asked", ["x=colour", "points=0", "points=-1", "from=here"])
def test_a_range_that_cannot_be_is_refused(client: FlaskClient, asked: str) -> None:
    assert client.get(f"/api/training/runs/mine/demo/series?{asked}").status_code == 400


def test_the_stream_tells_all_runs_and_then_what_changes(app: Flask, emitter: TrainingEmitter) -> None:
    with live(app) as server, server.open(b"GET /api/training/events HTTP/1.1\r\nHost: localhost\r\n\r\n") as stream:
        assert [run["id"] for run in read_event(stream, "runs")["runs"]] == ["mine/demo"]
        emitter.emit("batch_end", step=11, loss=1.25)
        assert read_event(stream, "run")["run"]["losses"]["train"] == 1.25


def test_the_curves_of_a_checkpoint_are_those_of_its_run(client: FlaskClient, tmp_path: Path) -> None:
    known = client.get("/api/models").json["models"][0]["id"]
    folder = tmp_path / "checkpoints" / known
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text(json.dumps({"step": 5, "loss": 2.0, "time": time.time()}) + "\n")
    assert client.get(f"/api/models/{known}/metrics").json["series"][0]["points"] == [[5.0, 2.0]]
    assert client.get("/api/models/nothing/metrics").status_code == 404


def test_of_the_chats_with_a_runs_checkpoints_everybody_sees_their_own(
    client: FlaskClient, app: Flask, tmp_path: Path
) -> None:
    known = next(one for one in client.get("/api/models").json["models"] if one["step"] is not None)
    folder = tmp_path / "checkpoints" / known["id"]
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text(json.dumps({"step": 5, "loss": 2.0, "time": time.time()}) + "\n")
    store = app.extensions["parley"].store
    answer = NewMessage("", None, "assistant", "Hello.", model=known["id"])
    made = {}
    for name, owner, message in (
        ("own", None, answer),
        ("twice", None, answer),
        ("deleted", None, answer),
        ("somebody else's", "account-2", answer),
        ("with another model", None, replace(answer, model="another")),
        ("only asked", None, replace(answer, role="user")),
    ):
        made[name] = store.conversations.create(owner, name, None, None, {})
        for number in range(2 if name == "twice" else 1):
            store.messages.add(made[name], [replace(message, id=f"{name}-{number}")])
    store.conversations.delete(None, made["deleted"].id)
    told = client.get(f"/api/training/runs/{known['id']}/chats").json["chats"]
    assert sorted((one["title"], one["answers"]) for one in told) == [("own", 1), ("twice", 2)]
    assert {(one["checkpoint"], one["step"]) for one in told} == {(known["id"], known["step"])}
    assert {one["conversation"] for one in told} == {made["own"].id, made["twice"].id}
    assert client.get("/api/training/runs/mine/demo/chats").json == {"chats": []}
